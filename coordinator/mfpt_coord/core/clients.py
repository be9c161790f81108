"""All devices that the coordinator knows, in one value that never changes; with another device it is another value.

Both share all but a few hundred references, so that an event costs the same however many devices are known: `rpds` has
the persistent maps, in Rust, and `indices` answers what would otherwise take a walk through all devices.
"""

from __future__ import annotations  # rpds has type arguments for checkers alone

from collections.abc import Iterable, Iterator, Mapping

from rpds import HashTrieMap, List

from mfpt_coord.core.client import Client
from mfpt_coord.core.indices import Indices


class Clients(Mapping[str, Client]):
    """Devices by their ids, in the order in which they became known.

    Attributes:
        indices: What is known of all of them together; `by` says as of when.
    """

    __slots__ = ("_by_id", "_newest", "indices")

    def __init__(
        self,
        by_id: HashTrieMap[str, Client] | None = None,
        newest: List[str] | None = None,
        indices: Indices | None = None,
    ) -> None:
        """Take devices by id, their ids, the newest first, and their indices. `of` makes these of devices."""
        self._by_id = HashTrieMap() if by_id is None else by_id
        self._newest = List() if newest is None else newest
        self.indices = Indices() if indices is None else indices

    @classmethod
    def of(cls, clients: Iterable[Client], at: float = 0.0) -> Clients:
        """Return these devices, with indices as of a time, Unix seconds."""
        return cls(indices=Indices(as_of=at)).plus(*clients)

    def __getitem__(self, name: str) -> Client:
        """Return a device by its id."""
        return self._by_id[name]

    def __len__(self) -> int:
        """Return how many devices there are."""
        return len(self._by_id)

    def __iter__(self) -> Iterator[str]:
        """Go through the ids, first come first."""
        return reversed(list(self._newest))

    def __repr__(self) -> str:
        """Return the devices in the manner of a dict."""
        return f"Clients({dict(self)})"

    def plus(self, *clients: Client) -> Clients:
        """Return the devices with some as they are now: new ones, or instead of what was known of them."""
        by_id, newest, indices = self._by_id, self._newest, self.indices
        for client in clients:
            before = by_id.get(client.id)
            by_id, indices = by_id.insert(client.id, client), indices.with_device(before, client)
            newest = newest.push_front(client.id) if before is None else newest
        return Clients(by_id, newest, indices)

    def by(self, at: float) -> Clients:
        """Return the same devices with indices that are right at a time, Unix seconds.

        These are the same indices, unless something else can be said of a device by now.
        """
        if at < self.indices.as_of:
            return Clients.of(self.values(), at)
        due = self.indices.alarms.first
        if due is None or at < due[0]:
            return self
        return Clients(self._by_id, self._newest, self.indices.at(at, self._by_id))
