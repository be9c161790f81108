"""Where a row of a source is, and why one was skipped."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Place(NamedTuple):
    """Where a row is.

    Attributes:
        source: File; data set of the hub, with the split; or `cldr`.
        row: Line of a text file on which the row begins, or number of the row elsewhere; both counted from 1.
    """

    source: str
    row: int

    def __str__(self) -> str:
        return f"{self.source}, row {self.row}"


class SkippedRow(NamedTuple):
    """A row that no example was made of.

    Attributes:
        place: Where it is.
        reason: Why, in words that hold nothing of its text.
    """

    place: Place
    reason: str


def by_reason(skipped: Iterable[SkippedRow]) -> dict[str, int]:
    """Count skipped rows: reason -> rows, in the order in which the reasons first occur."""
    return dict(Counter(row.reason for row in skipped))
