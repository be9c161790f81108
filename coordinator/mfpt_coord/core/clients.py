"""All devices that the coordinator knows, in one value that never changes; with another device it is another value.

Both share all but a few hundred references, so that an event costs the same however many devices are known: `entries`
holds the devices, and `indices` answers what would otherwise take a walk through all of them.
"""

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView

from mfpt_coord.core.client import Client
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.indices import Indices
from mfpt_shared.plan import Aggregation


class Clients(Mapping[str, Client]):
    """Devices by their ids, in the order in which they became known.

    Attributes:
        indices: What is known of all of them together; `by` says as of when, `under` by which plan.
    """

    __slots__ = ("_entries", "indices")

    def __init__(self, entries: Entries[Client] | None = None, indices: Indices | None = None) -> None:
        """Take devices by id, and their indices. `of` makes these of devices."""
        self._entries = Entries[Client]() if entries is None else entries
        self.indices = Indices() if indices is None else indices

    @classmethod
    def of(cls, clients: Iterable[Client], at: float = 0.0, newcomer_updates: int = 0) -> "Clients":
        """Return these devices, with indices as of a time, Unix seconds.

        Args:
            clients: The devices.
            at: Unix seconds.
            newcomer_updates: Updates in earlier folds from which on a device is no newcomer, by the plan.
        """
        known = {client.id: client for client in clients}
        return cls(Entries.of(known), Indices.of(known.values(), at, newcomer_updates))

    def __getitem__(self, name: str) -> Client:
        """Return a device by its id."""
        return self._entries[name]

    def __len__(self) -> int:
        """Return how many devices there are."""
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        """Go through the ids, first come first."""
        return iter(self._entries)

    def __repr__(self) -> str:
        """Return the devices in the manner of a dict."""
        return f"Clients({dict(self)})"

    def values(self) -> ValuesView[Client]:
        """Return the devices, first come first."""
        return self._entries.values()

    def items(self) -> ItemsView[str, Client]:
        """Return ids and devices, first come first."""
        return self._entries.items()

    def plus(self, *clients: Client) -> "Clients":
        """Return the devices with some as they are now: new ones, or instead of what was known of them."""
        entries, indices = self._entries, self.indices
        for client in clients:
            indices = indices.with_device(entries.get(client.id), client)
            entries = entries.plus(client.id, client)
        return Clients(entries, indices)

    def by(self, at: float) -> "Clients":
        """Return the same devices with indices that are right at a time, Unix seconds.

        These are the same indices, unless something else can be said of a device by now.
        """
        if at < self.indices.as_of:
            return Clients(self._entries, Indices.of(self.values(), at, self.indices.newcomer_updates))
        due = self.indices.alarms.first
        if due is None or at < due[0]:
            return self
        return Clients(self._entries, self.indices.at(at, self._entries))

    def under(self, plan: Aggregation) -> "Clients":
        """Return the same devices with indices that are right by a plan; the same indices, unless the plan changed."""
        if self.indices.newcomer_updates == plan.newcomer_updates:
            return self
        return Clients(self._entries, Indices.of(self.values(), self.indices.as_of, plan.newcomer_updates))
