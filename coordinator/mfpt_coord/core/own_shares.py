"""What it shows about borrowing how much of its own a device keeps.

A device receives the prompt of its language, in which language j has the share w_j = N_j g_j / S of S = sum_j N_j g_j
examples, its own among them (`proximity`). It keeps the share s of its own n examples beside it: what it uses is
(1 - s) times the prompt and s times its own, so that its own share in all is 1 - (1 - given) (1 - s). With the squared
bias beta of the prompt, and in units of the variance of one example, the expected squared error is

    (1 - s)^2 beta + s^2 / n + 2 s (1 - s) / S + (1 - s)^2 sum_j w_j^2 / N_j

The third term is there because the device's own examples are in the prompt as well, with the weight 1 / S each. If s is
where that is least, then with beta' = sum_j N_j g_j (1 - g_j) / S^2, the squared bias at which `proximity` would give
just these shares,

    beta = beta' + s / (1 - s) (1 / n - 1 / S)

So a device that keeps nothing of its own shows that the bias is *at most* what was taken for it, and no longer by how
much less. Were all of the bias that devices show corrected in the fold, they would have nothing left to correct, every
chance deviation would make the bias larger, and nothing would ever make it smaller. So only half of it is: at rest a
device still corrects as much itself, and keeps less when that is too much. From any start the estimate comes to rest at
half of the true bias, from below at once, from above by a constant factor for each update, and does not swing
(tests/coordinator/core/test_own_shares.py).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from mfpt_coord.core.consensus import disagreements
from mfpt_coord.core.proximity import proximities
from mfpt_coord.core.relations import OwnShare, Relations, Speaker
from mfpt_coord.core.state import Contribution
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation

# Part of the bias that devices show which the fold corrects.
_CORRECTED: Final = 0.5
# A device that keeps all would show a bias without end.
_MOST_KEPT: Final = 0.95
# Weight of the newest share in what a device shows: it chooses by few examples.
_NEWEST: Final = 0.5
_LEAST: Final = 1e-9
_MOST_DISAGREEMENT: Final = 8.0
"""e to this power is the largest factor between a squared bias and its prior, and the smallest is its inverse."""


def newest_shares(
    buffer: Sequence[tuple[Contribution, float]],
    examples: Mapping[LanguageCode, float],
    relations: Relations,
    plan: Aggregation,
) -> dict[Speaker, OwnShare]:
    """Return what devices say with the updates of a fold about how much of their own they keep.

    A device that has measured nothing in its round repeats what it chose beside an earlier prompt. That tells what it
    keeps, and nothing of this prompt. Nor does what is kept beside a prompt of the first versions tell anything about
    languages: while a head grows from zeros, everybody does better alone.

    Args:
        buffer: Updates of devices that have updates in an earlier version, each with the examples that it counts with.
            What others keep says nothing: the prompt has nothing of theirs yet.
        examples: Language -> examples of its active devices.
        relations: What is known before the fold.
        plan: Gives the kind of proximity, and the prior of the bias.
    """
    said = [(update, own, share) for update, own in buffer if (share := update.header.metrics.own_share) is not None]
    borrowed = _borrowed(list(dict.fromkeys(update.language for update, _, _ in said)), examples, relations, plan)
    changed: dict[Speaker, OwnShare] = {}
    for update, own, share in said:
        of = (update.language, update.client)
        known = changed.get(of) or relations.shares.get(of)
        if not update.header.metrics.validated or update.header.base_version < plan.start_together:
            changed |= {} if known is None else {of: known._replace(share=share)}
        elif update.language not in borrowed:
            changed[of] = OwnShare(share, 0.0) if known is None else known._replace(share=share)
        else:
            shown = borrowed[update.language].shown(share, own)
            before = shown if known is None else known.disagreement
            changed[of] = OwnShare(share, before + _NEWEST * (shown - before))
    return changed


class _Borrowed(NamedTuple):
    """What the prompt of a language takes from others.

    Attributes:
        worth: Number of examples that it is worth: S.
        bias: S^2 times the squared bias at which it would be right: beta'.
        disagreement: The one that was assumed.
    """

    worth: float
    bias: float
    disagreement: float

    def shown(self, share: float, own: float) -> float:
        """Return the disagreement that a device with so many examples shows, which keeps this share of its own."""
        kept = min(share, _MOST_KEPT)
        beyond = kept / (1 - kept) * max(0.0, self.worth**2 / own - self.worth) / self.bias
        disagreement = self.disagreement + math.log(_CORRECTED * (1 + beyond))
        return max(-_MOST_DISAGREEMENT, min(_MOST_DISAGREEMENT, disagreement))


def _borrowed(
    languages: Sequence[LanguageCode],
    examples: Mapping[LanguageCode, float],
    relations: Relations,
    plan: Aggregation,
) -> dict[LanguageCode, _Borrowed]:
    """Return what languages borrow by `auto`; those are left out to which borrowing brings no bias."""
    if not languages or plan.proximity != "auto":
        return {}
    near = proximities(languages, list(examples), relations, examples, plan)
    counts = np.array(list(examples.values()))
    assumed = disagreements(relations.shares, languages) or dict.fromkeys(languages, 0.0)
    worth, bias = near @ counts, (near * (1 - near)) @ counts
    every = zip(languages, worth.tolist(), bias.tolist(), strict=True)
    return {language: _Borrowed(whole, part, assumed[language]) for language, whole, part in every if part > _LEAST}
