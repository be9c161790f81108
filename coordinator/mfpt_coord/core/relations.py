"""What is known of how languages relate: distances, and what updates and validation scores have shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mfpt_shared.languages import LanguageCode

Pair = tuple[LanguageCode, LanguageCode]
Distances = Mapping[Pair, Mapping[str, float]]
"""(a, b) with a < b -> metric -> distance in 0..1. What is unknown is not there."""
# Between the near (.2 to .3 within a branch) and the far (.6 to .8) of the syntactic distances of URIEL+.
UNKNOWN_DISTANCE: Final = 0.5
CUSTOM: Final = "custom"
"""The metric of a user's own file: where it names a pair, it alone counts."""


class Comparison(NamedTuple):
    """How alike the deltas of two languages were.

    Attributes:
        cosine: mean, in which long deltas count more: those of converged prompts are short, and mostly noise.
        times: comparisons.
        weight: of the mean so far: the sum of the products of the deltas' lengths.
    """

    cosine: float
    times: int
    weight: float = 1.0


class Judgement(NamedTuple):
    """How a language's own prompts did against the federation's, on the validation examples of its devices.

    Attributes:
        errors: sum over the judgements of own accuracy less federated, in standard errors.
        times: judgements.
    """

    errors: float
    times: int


@dataclass(frozen=True, slots=True)
class Relations:
    """All that is known of how languages relate.

    Attributes:
        distances: from URIEL+ or the user.
        comparisons: pair -> what deltas have shown.
        judgements: language -> what its devices' validation scores have shown.
    """

    distances: Distances = field(default_factory=dict)
    comparisons: Mapping[Pair, Comparison] = field(default_factory=dict)
    judgements: Mapping[LanguageCode, Judgement] = field(default_factory=dict)


def pair(first: LanguageCode, second: LanguageCode) -> Pair:
    """Return the key of two languages in `Distances`."""
    return (first, second) if first < second else (second, first)
