"""The grid: updates as small integers, which can be added up under masks without overflow, and their mean again.

A code counts steps: the value that it stands for is code x step. Codes are cut to +-1023, so that 32 of them stay
below 2^15 in a sum modulo 2^16. Coordinator and devices derive the grid from the plan alone.

Without noise, each part of an update (prompt, head) has the step that its learning rate asks for: a round moves a value
by about its rate in each step of the optimiser, and codes reach eight times as far as its least number of steps. With
noise, all values have one step, a 256th of the noise's standard deviation, and the L2 norm of the codes is bounded as
well, because differential privacy follows from it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import Codes
from mfpt_shared.plan import Plan
from mfpt_shared.plan_sections import MOST_MEMBERS
from mfpt_shared.tensors import Array, Layout, PromptState, clip_norm, flatten, layout, size, unflatten

_LIMIT: Final = 1023
_LIMIT_WITH_NOISE: Final = 767
"""Leaves room for the noise, and nothing else: with a multiplier of a third or more, no code comes near it."""

_NOISE_REACH: Final = 2**15 - MOST_MEMBERS * (_LIMIT_WITH_NOISE + 1)
"""How far noise may carry a sum: 26 standard deviations, where a whole cohort adds as much as it needs."""

_REACH: Final = 8
STEPS_OF_NOISE: Final = 256
"""Standard deviation of the noise that a plan asks for, in steps of its grid."""
_LEAST_SHRINK: Final = 0.999


class Extras(NamedTuple):
    """What a device measured, 0 to 1, and adds to its update: its own share, and the accuracy of the prompt it got."""

    own_share: float | None = None
    accuracy: float | None = None


class Sum(NamedTuple):
    """What the sum over a cohort says.

    Attributes:
        delta: Mean of the deltas, flat, [values] float32.
        own_share: Mean over those who told theirs; None: nobody did.
        accuracy: Mean over those who told theirs; None: nobody did.
    """

    delta: Array
    own_share: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Grid:
    """How the updates of a plan become integers, and sums of integers an update.

    Attributes:
        shapes: Layout of an update.
        parts: Number of values in each part, in flat order.
        steps: Step of each part.
        limit: Largest absolute value of a code.
        clip: Largest L2 norm of a delta; 0: no limit.
        norm: Largest L2 norm of its codes; None: no limit, because there is no noise.
    """

    extras: ClassVar[int] = 4
    modulus: ClassVar[int] = 2**16

    shapes: Layout
    parts: tuple[int, ...]
    steps: tuple[float, ...]
    limit: int
    clip: float
    norm: int | None

    @property
    def length(self) -> int:
        """Number of codes that travel: one for each value, and four for what the device measured."""
        return sum(self.parts) + self.extras

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Step of each value, [values]."""
        return np.repeat(self.steps, self.parts)

    def encode(self, delta: PromptState, factor: float, extras: Extras) -> tuple[Codes, PromptState]:
        """Return an update as it enters a sum.

        Args:
            delta: What the device changed.
            factor: What it counts, 0 to 1; see `codes`.
            extras: What it measured; left out where there is noise.

        Returns:
            The codes, [values + 4], negative ones as modulo 2^16; and what rounding and cutting left out.
        """
        codes, left = self.codes(delta, factor)
        return np.concatenate([codes, self._measured(extras)]).astype(np.int16).view(np.uint16), left

    def codes(self, delta: PromptState, factor: float) -> tuple[NDArray[np.int64], PromptState]:
        """Return the values of an update, clipped and rounded, halves to even.

        Args:
            delta: What the device changed.
            factor: What it counts, 0 to 1: the weight of its staleness.

        Returns:
            The codes, [values]; and what rounding and cutting left out, to be carried into the next update. What
            clipping took away is not in it.
        """
        wanted = flatten(clip_norm(delta, self.clip), self.shapes).astype(np.float64) * factor
        codes = self._bounded(wanted / self.spacing)
        left = (wanted - codes * self.spacing).astype(np.float32)
        return codes, unflatten(left, self.shapes)

    def decode(self, total: Codes, members: int) -> Sum:
        """Return what a sum of codes says.

        Args:
            total: Sum of codes modulo 2^16, [values + 4], without masks.
            members: Number of updates in it.

        Raises:
            DecodeError: It is no sum of so many updates: a mask is left in it.
        """
        signed = total.view(np.int16).astype(np.int64)
        reach = members * self.limit + (0 if self.norm is None else _NOISE_REACH)
        if signed.shape != (self.length,) or not 1 <= members <= MOST_MEMBERS or np.abs(signed).max() > reach:
            raise DecodeError(f"{signed.size} numbers are not the sum of {members} updates of this plan")
        values, measured = signed[: -self.extras], signed[-self.extras :]
        own_share, accuracy = (self._mean(*pair) for pair in measured.reshape(2, 2).tolist())
        return Sum((values * self.spacing / members).astype(np.float32), own_share, accuracy)

    def _bounded(self, wanted: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return codes within the limit, and within the norm: what is too long even when rounded is made shorter."""
        codes = np.clip(np.rint(wanted), -self.limit, self.limit).astype(np.int64)
        while self.norm is not None and (square := int(codes @ codes)) > self.norm**2:
            wanted = wanted * min(self.norm / math.sqrt(square), _LEAST_SHRINK)
            codes = np.clip(np.rint(wanted), -self.limit, self.limit).astype(np.int64)
        return codes

    def _measured(self, extras: Extras) -> list[int]:
        """Return two codes for each measurement: how much, and whether there is one."""
        if self.norm is not None:
            return [0] * self.extras
        return [code for value in extras for code in _pair(value)]

    @staticmethod
    def _mean(total: int, number: int) -> float | None:
        return min(1.0, max(0.0, total / (number * _LIMIT))) if number > 0 else None


def grid(plan: Plan) -> Grid:
    """Return the grid of a plan."""
    shapes, privacy, training = layout(plan), plan.privacy, plan.training
    head = size({name: shape for name, shape in shapes.items() if name.startswith("head.")})
    parts = (size(shapes) - head, head)
    if privacy.noise == "none":
        rates = (training.prompt_learning_rate, training.head_learning_rate)
        steps = tuple(_REACH * rate * training.min_steps / _LIMIT for rate in rates)
        return Grid(shapes, parts, steps, _LIMIT, privacy.clip_norm, None)
    step = privacy.clip_norm * privacy.noise_multiplier / STEPS_OF_NOISE
    norm = math.floor(STEPS_OF_NOISE / privacy.noise_multiplier)
    return Grid(shapes, parts, (step, step), _LIMIT_WITH_NOISE, privacy.clip_norm, norm)


def _pair(value: float | None) -> Iterator[int]:
    yield 0 if value is None else round(value * _LIMIT)
    yield int(value is not None)
