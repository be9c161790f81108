"""How a language stands: at a version, and at its best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mfpt_shared.languages import LanguageCode


@dataclass(frozen=True, slots=True)
class Standing:
    """How a language stood when a version was made.

    Attributes:
        accuracy: Newest accuracy on its devices' held-out examples, 0 to 1; None: nobody has told one.
        own_share: How much of their own its devices keep, 0 to 1; None: nobody has told it.
        weights: Language -> its part in this language's step, 0 to 1; the largest ones.
    """

    accuracy: float | None
    own_share: float | None
    weights: Mapping[LanguageCode, float]


class Best(NamedTuple):
    """The best version of a language's prompt.

    Attributes:
        version: The version.
        accuracy: Mean accuracy on held-out examples, 0 to 1.
        examples: Number of those.
    """

    version: int
    accuracy: float
    examples: int
