"""A mapping that never changes: with another entry it is another one, which shares nearly all with the first.

`rpds` has the persistent map, in Rust. To go through it is to go by hashes of strings, which are others in every
process; so the order in which the keys became known is kept beside it.
"""

from __future__ import annotations  # rpds has type arguments for checkers alone

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TypeVar

from rpds import HashTrieMap, List

Value = TypeVar("Value")


class Entries(Mapping[str, Value]):
    """Values by their keys, in the order in which the keys became known."""

    __slots__ = ("_by_key", "_newest")

    def __init__(self, by_key: HashTrieMap[str, Value] | None = None, newest: List[str] | None = None) -> None:
        """Take values by key, and the keys, the newest first."""
        self._by_key = HashTrieMap() if by_key is None else by_key
        self._newest = List() if newest is None else newest

    @classmethod
    def of(cls, known: Mapping[str, Value]) -> Entries[Value]:
        """Return the entries of a mapping; of entries, themselves."""
        return known if isinstance(known, Entries) else cls(HashTrieMap(known), List(list(known)[::-1]))

    def __getitem__(self, key: str) -> Value:
        """Return the value of a key."""
        return self._by_key[key]

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._by_key)

    def __iter__(self) -> Iterator[str]:
        """Go through the keys, first come first."""
        return reversed(list(self._newest))

    def __repr__(self) -> str:
        """Return the entries in the manner of a dict."""
        return f"Entries({dict(self)})"

    def values(self) -> ValuesView[Value]:
        """Return the values, first come first."""
        return dict(self._listed()).values()

    def items(self) -> ItemsView[str, Value]:
        """Return keys and values, first come first."""
        return dict(self._listed()).items()

    def _listed(self) -> Iterator[tuple[str, Value]]:
        # One key after the other, as `Mapping` does it, takes ten times as long.
        keys = list(self)
        return zip(keys, map(self._by_key.__getitem__, keys), strict=True)

    def plus(self, key: str, value: Value) -> Entries[Value]:
        """Return the entries with another one, or with one that has another value."""
        newest = self._newest if key in self._by_key else self._newest.push_front(key)
        return Entries(self._by_key.insert(key, value), newest)
