"""A mapping that never changes: with another entry it is another one, which shares nearly all with the first.

`rpds` has the persistent map, in Rust. To go through it takes long, and goes by hashes of strings, which are others in
every process. So it says of a key only which number it has; the entries are in chunks, by their numbers.
"""

from __future__ import annotations  # rpds has type arguments for checkers alone

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import chain
from typing import Final, TypeVar

from rpds import HashTrieMap

Value = TypeVar("Value")

_CHUNK: Final = 256
"""Entries of a chunk. All but the last one are full."""


class Entries(Mapping[str, Value]):
    """Values by their keys, in the order in which the keys became known."""

    __slots__ = ("_chunks", "_numbers")

    def __init__(
        self, numbers: HashTrieMap[str, int] | None = None, chunks: tuple[tuple[tuple[str, Value], ...], ...] = ()
    ) -> None:
        """Take the number of each key, and the entries by their numbers, in chunks."""
        self._numbers = HashTrieMap() if numbers is None else numbers
        self._chunks = chunks

    @classmethod
    def of(cls, known: Mapping[str, Value]) -> Entries[Value]:
        """Return the entries of a mapping; of entries, themselves."""
        if isinstance(known, Entries):
            return known
        entries = list(known.items())
        chunks = tuple(tuple(entries[start : start + _CHUNK]) for start in range(0, len(entries), _CHUNK))
        return cls(HashTrieMap({key: number for number, key in enumerate(known)}), chunks)

    def __getitem__(self, key: str) -> Value:
        """Return the value of a key."""
        number = self._numbers[key]
        return self._chunks[number // _CHUNK][number % _CHUNK][1]

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        """Go through the keys, first come first."""
        return (key for key, _ in chain.from_iterable(self._chunks))

    def __repr__(self) -> str:
        """Return the entries in the manner of a dict."""
        return f"Entries({dict(self)})"

    def values(self) -> ValuesView[Value]:
        """Return the values, first come first."""
        return dict(chain.from_iterable(self._chunks)).values()

    def items(self) -> ItemsView[str, Value]:
        """Return keys and values, first come first."""
        return dict(chain.from_iterable(self._chunks)).items()

    def plus(self, key: str, value: Value) -> Entries[Value]:
        """Return the entries with another one, or with one that has another value."""
        known = self._numbers.get(key)
        number = len(self) if known is None else known
        numbers = self._numbers.insert(key, number) if known is None else self._numbers
        place, within = divmod(number, _CHUNK)
        chunks = list(self._chunks)
        chunk = list(chunks[place]) if place < len(chunks) else []
        chunk[within : within + 1] = [(key, value)]
        chunks[place : place + 1] = [tuple(chunk)]
        return Entries(numbers, tuple(chunks))
