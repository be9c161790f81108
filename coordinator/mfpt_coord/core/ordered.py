"""A set that stays in order and never changes: to add or to remove an item makes another one, in next to no time.

The items are in chunks. Another set shares all chunks but one with the set that it comes from, and copies a few hundred
references: at a hundred thousand items about as many as at a thousand.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final, Generic, TypeVar

Item = TypeVar("Item", bound=str | tuple[float, str])

_MOST: Final = 512
"""Items of a chunk. One with more falls into two halves."""


class Ordered(Generic[Item]):
    """Different items in rising order. Chunks are never empty."""

    __slots__ = ("_chunks", "_size")

    def __init__(self, chunks: tuple[tuple[Item, ...], ...] = (), size: int = 0) -> None:
        """Take chunks of items, all in order, and the number of the items."""
        self._chunks = chunks
        self._size = size

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Ordered[Item]":
        """Return the set of some different items, in chunks with room for as many again."""
        known, size = sorted(items), _MOST // 2
        return cls(tuple(tuple(known[start : start + size]) for start in range(0, len(known), size)), len(known))

    def __len__(self) -> int:
        """Return how many items there are."""
        return self._size

    def __iter__(self) -> Iterator[Item]:
        """Go through the items in order."""
        return chain.from_iterable(self._chunks)

    @property
    def first(self) -> Item | None:
        """The smallest item; None: there is none."""
        return self._chunks[0][0] if self._chunks else None

    def at(self, place: int) -> Item:
        """Return the item at a place, which is at least 0.

        Raises:
            IndexError: There are not so many.
        """
        for chunk in self._chunks:
            if place < len(chunk):
                return chunk[place]
            place -= len(chunk)
        raise IndexError(place)

    def below(self, limit: Item) -> int:
        """Return how many items are less than this one."""
        number = self._chunk_of(limit)
        if number == len(self._chunks):
            return self._size
        before = sum(len(chunk) for chunk in islice(self._chunks, number))
        return before + bisect_left(self._chunks[number], limit)

    def plus(self, item: Item) -> "Ordered[Item]":
        """Return the set with an item that it does not have yet."""
        if not self._chunks:
            return Ordered(((item,),), 1)
        # Lists are copied and changed faster than tuples are put together.
        chunks, number = list(self._chunks), min(self._chunk_of(item), len(self._chunks) - 1)
        grown = list(chunks[number])
        insort(grown, item)
        half = len(grown) // 2
        parts = (tuple(grown),) if len(grown) <= _MOST else (tuple(grown[:half]), tuple(grown[half:]))
        chunks[number : number + 1] = parts
        return Ordered(tuple(chunks), self._size + 1)

    def minus(self, item: Item) -> "Ordered[Item]":
        """Return the set without an item that it has."""
        chunks, number = list(self._chunks), self._chunk_of(item)
        left = list(chunks[number])
        del left[bisect_left(left, item)]
        chunks[number : number + 1] = (tuple(left),) if left else ()
        return Ordered(tuple(chunks), self._size - 1)

    def _chunk_of(self, item: Item) -> int:
        """Return the number of the first chunk that ends with this item or a greater one."""
        return bisect_left(self._chunks, item, key=_last)


def _last(chunk: tuple[Item, ...]) -> Item:
    return chunk[-1]
