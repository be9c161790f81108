"""Updates with noise, as they leave a device: alone, or as one part of a sum whose other parts have noise as well.

The codes of a grid with noise have a bounded norm, and the noise is drawn in its steps, so that what leaves is a
discrete Gaussian around it. Whatever happens to it afterwards, such as rounding to 8 bits, gives nothing more away.
"""

from fractions import Fraction
from typing import Final

import numpy as np

from mfpt_shared.masking.cohort import Codes, Randomness
from mfpt_shared.masking.grid import STEPS_OF_NOISE, Grid
from mfpt_shared.masking.noise import discrete_gaussian
from mfpt_shared.tensors import PromptState, unflatten

_VARIANCE: Final = Fraction(STEPS_OF_NOISE**2)


def noisy_alone(delta: PromptState, grid: Grid, randomness: Randomness) -> tuple[PromptState, PromptState]:
    """Return an update with all the noise that its plan asks for, for whoever may read it.

    Args:
        delta: What the device changed, with what it carries.
        grid: Grid of a plan with noise.
        randomness: Random bytes that nobody can foretell.

    Returns:
        The update; and what rounding left out of it, to be carried into the next one. The noise is in neither: whoever
        added up updates would otherwise see it cancel.
    """
    codes, left = grid.codes(delta, 1.0)
    noisy = (codes + discrete_gaussian(codes.size, _VARIANCE, randomness)) * grid.spacing
    return unflatten(noisy.astype(np.float32), grid.shapes), left


def noisy_part(codes: Codes, grid: Grid, summands: int, randomness: Randomness) -> Codes:
    """Return a device's codes with its part of the noise, for a sum under masks.

    Nothing is cut: a sum of noisy codes modulo 2^16 is a function of their sum, and tells no more than that.

    Args:
        codes: Codes, [values + 4], modulo 2^16; the last four are zero in a plan with noise, whatever a device holds.
        grid: Grid of a plan with noise.
        summands: Least number of parts that a sum may have: together, they have at least the noise of the plan. 1 where
            each is to have all of it.
        randomness: Random bytes that nobody can foretell.
    """
    values = codes.size - grid.extras
    noise = discrete_gaussian(values, _VARIANCE / summands, randomness)
    return codes + np.concatenate([noise, np.zeros(grid.extras, np.int64)]).astype(np.uint16)
