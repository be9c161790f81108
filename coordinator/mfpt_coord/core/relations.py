"""What is known about how languages relate: distances, and what updates and own shares have shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mfpt_shared.languages import LanguageCode

Pair = tuple[LanguageCode, LanguageCode]
Speaker = tuple[LanguageCode, str]
"""A language, and the id of one of its devices, or `COHORT`."""
COHORT: Final = "*"
"""Whoever speaks for all devices of a language whose updates were added up; no device can have this id."""
Distances = Mapping[Pair, Mapping[str, float]]
"""(a, b) with a < b -> metric -> distance in 0..1. Unknown distances are left out."""
# Between near (.2 to .3 within a branch) and far (.6 to .8), as the syntactic distances of URIEL+ go.
UNKNOWN_DISTANCE: Final = 0.5
CUSTOM: Final = "custom"
"""The metric of a user's own file. Where it has a pair, it alone counts."""


class Comparison(NamedTuple):
    """How alike the deltas of two languages were.

    Attributes:
        cosine: Mean cosine; long deltas count more, because those of converged prompts are short and mostly noise.
        times: Number of comparisons.
        weight: Weight of the mean so far: the sum of the products of the deltas' lengths.
    """

    cosine: float
    times: int
    weight: float = 1.0


class OwnShare(NamedTuple):
    """How much of its own a device keeps beside the federation's prompt, and what that shows.

    Attributes:
        share: The newest, in 0..1.
        disagreement: Natural logarithm of the factor between the squared bias that it shows and the prior's; moving
            average.
    """

    share: float
    disagreement: float


@dataclass(frozen=True, slots=True)
class Relations:
    """Everything that is known about how languages relate.

    Attributes:
        distances: Distances from URIEL+ or the user.
        comparisons: Pair -> what deltas have shown.
        shares: Language and device -> how much of its own it keeps; of devices that take part.
    """

    distances: Distances = field(default_factory=dict)
    comparisons: Mapping[Pair, Comparison] = field(default_factory=dict)
    shares: Mapping[Speaker, OwnShare] = field(default_factory=dict)


def pair(first: LanguageCode, second: LanguageCode) -> Pair:
    """Return the key of two languages in `Distances`."""
    return (first, second) if first < second else (second, first)
