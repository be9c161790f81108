"""What is known about how languages relate: distances, and what updates and validation scores have shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mfpt_shared.languages import LanguageCode

Pair = tuple[LanguageCode, LanguageCode]
Judge = tuple[LanguageCode, str]
"""A language, and the id of one of its devices."""
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


class Judgement(NamedTuple):
    """How a device's own prompts did against the federated ones, on its validation examples.

    Attributes:
        errors: Sum over the judgements of own accuracy minus federated accuracy, in standard errors.
        times: Number of judgements.
    """

    errors: float
    times: int


@dataclass(frozen=True, slots=True)
class Relations:
    """Everything that is known about how languages relate.

    Attributes:
        distances: Distances from URIEL+ or the user.
        comparisons: Pair -> what deltas have shown.
        judgements: Language and device -> what its validation scores have shown.
    """

    distances: Distances = field(default_factory=dict)
    comparisons: Mapping[Pair, Comparison] = field(default_factory=dict)
    judgements: Mapping[Judge, Judgement] = field(default_factory=dict)


def pair(first: LanguageCode, second: LanguageCode) -> Pair:
    """Return the key of two languages in `Distances`."""
    return (first, second) if first < second else (second, first)
