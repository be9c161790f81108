"""What was found out about a data set, in words for a person."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

ItemT = TypeVar("ItemT")

Level = Literal["note", "warning", "useless"]
"""How bad it is: good to know; probably a mistake; or training on it teaches nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a data set that a person should know before it is trained on.

    Attributes:
        kind: What was looked at, such as `duplicates`.
        level: How bad it is.
        count: Number of examples, labels or samples that it is about.
        text: What was found, and where or what to do; no text of the data is in it, only labels.
    """

    kind: str
    level: Level
    count: int
    text: str


def share(count: int, of: int) -> str:
    """Return a part of a whole as people read it: `3 of 40 (7.5 %)`."""
    return f"{count} of {of} ({100 * count / of:.3g} %)"


def sampled(items: Sequence[ItemT], most: int) -> Sequence[ItemT]:
    """Return at most so many items, at equal distances, the same ones every time."""
    return items[:: max(1, math.ceil(len(items) / most))]
