"""A mapping that never changes: with another entry it is another one, which shares nearly all with the first.

`rpds` has the persistent map, in Rust. To go through it takes long, and goes by hashes of strings, which are others in
every process; so the keys are kept beside it, in the order in which they became known.
"""

from __future__ import annotations  # rpds has type arguments for checkers alone

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TypeVar

from rpds import HashTrieMap

from mfpt_coord.core.ordered import Ordered

Value = TypeVar("Value")


class Entries(Mapping[str, Value]):
    """Values by their keys, in the order in which the keys became known."""

    __slots__ = ("_by_key", "_keys")

    def __init__(
        self, by_key: HashTrieMap[str, Value] | None = None, keys: Ordered[tuple[int, str]] | None = None
    ) -> None:
        """Take values by key, and the keys, each behind its number."""
        self._by_key = HashTrieMap() if by_key is None else by_key
        self._keys = Ordered() if keys is None else keys

    @classmethod
    def of(cls, known: Mapping[str, Value]) -> Entries[Value]:
        """Return the entries of a mapping; of entries, themselves."""
        return known if isinstance(known, Entries) else cls(HashTrieMap(known), Ordered.of(enumerate(known)))

    def __getitem__(self, key: str) -> Value:
        """Return the value of a key."""
        return self._by_key[key]

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._by_key)

    def __iter__(self) -> Iterator[str]:
        """Go through the keys, first come first."""
        return (key for _, key in self._keys)

    def __repr__(self) -> str:
        """Return the entries in the manner of a dict."""
        return f"Entries({dict(self)})"

    def values(self) -> ValuesView[Value]:
        """Return the values, first come first."""
        return self._listed().values()

    def items(self) -> ItemsView[str, Value]:
        """Return keys and values, first come first."""
        return self._listed().items()

    def _listed(self) -> dict[str, Value]:
        # As `Mapping` goes through the keys, it takes several times as long.
        return {key: self._by_key[key] for _, key in self._keys}

    def plus(self, key: str, value: Value) -> Entries[Value]:
        """Return the entries with another one, or with one that has another value."""
        keys = self._keys if key in self._by_key else self._keys.plus((len(self._keys), key))
        return Entries(self._by_key.insert(key, value), keys)
