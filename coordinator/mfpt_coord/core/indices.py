"""Who could start, who is at work, who was heard from last: kept up to date, so that nobody walks through all devices.

An index is right as of a time, and until the first of its `alarms`: the next time at which what can be said of a device
changes though nothing is heard. `clients` moves it on.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeVar

from mfpt_coord.core.client import FAILURES, GONE_SECONDS, Client
from mfpt_coord.core.crowds import Crowds, Place, crowds_of, moved, place_of
from mfpt_coord.core.ordered import Item, Ordered
from mfpt_coord.core.tally import Tally, tally_of, total
from mfpt_shared.languages import LanguageCode

Group = TypeVar("Group", LanguageCode, "Kind")
Key = TypeVar("Key")
Part = TypeVar("Part")


class Kind(NamedTuple):
    """What a device has said of itself: whether it is there, and whether it makes no more rounds."""

    is_online: bool
    is_done: bool


@dataclass(frozen=True, slots=True)
class Indices:
    """What is known of all devices together.

    Attributes:
        as_of: Unix seconds.
        whole: Sums over all devices.
        by_language: The same for each language that has devices.
        waiting: Language -> (base version of its last update, id) of each device that could start.
        working: Language -> (progress, id) of each device that takes up a place.
        alarms: (Unix seconds, id) of each device of which something else can be said then.
        recent: Kind -> (last heard from, with a minus, id), so that whoever was heard from last comes first.
        listening: Ids of the devices that only listen, until they are told that nobody trains.
        usual: (seconds from an assignment to its update, id) of each device that is online.
        failing: (versions that it was assigned in vain, with a minus, id) of each device that only fails.
        spent: (epsilon, with a minus, id) of each device that has said what it has spent of its privacy budget.
        told: (newest version that it has measured, with a minus, id) of each device that has measured one.
        crowds: How many examples the devices have that are online.
        newcomer_updates: Updates in earlier folds from which on a device is no newcomer in its crowd.
    """

    as_of: float = 0.0
    whole: Tally = Tally()
    by_language: Mapping[LanguageCode, Tally] = field(default_factory=dict)
    waiting: Mapping[LanguageCode, Ordered[tuple[int, str]]] = field(default_factory=dict)
    working: Mapping[LanguageCode, Ordered[tuple[float, str]]] = field(default_factory=dict)
    alarms: Ordered[tuple[float, str]] = field(default_factory=Ordered)
    recent: Mapping[Kind, Ordered[tuple[float, str]]] = field(default_factory=dict)
    listening: Ordered[str] = field(default_factory=Ordered)
    usual: Ordered[tuple[float, str]] = field(default_factory=Ordered)
    failing: Ordered[tuple[int, str]] = field(default_factory=Ordered)
    spent: Ordered[tuple[float, str]] = field(default_factory=Ordered)
    told: Ordered[tuple[int, str]] = field(default_factory=Ordered)
    crowds: Crowds = field(default_factory=dict)
    newcomer_updates: int = 0

    @classmethod
    def of(cls, clients: Iterable[Client], at: float, newcomer_updates: int) -> "Indices":
        """Return the indices of devices as of a time, Unix seconds."""
        entries = [_entry(client, at, newcomer_updates) for client in clients]
        tallies = _by_group((entry.language, entry.tally) for entry in entries)
        by_language = {language: total(some) for language, some in tallies.items() if language is not None}
        return cls(
            at,
            total(by_language.values()),
            by_language,
            _all_grouped(entry.waiting for entry in entries),
            _all_grouped(entry.working for entry in entries),
            Ordered.of(entry.alarm for entry in entries if entry.alarm is not None),
            _all_grouped(entry.recent for entry in entries),
            Ordered.of(entry.listening for entry in entries if entry.listening is not None),
            Ordered.of(entry.usual for entry in entries if entry.usual is not None),
            Ordered.of(entry.failing for entry in entries if entry.failing is not None),
            Ordered.of(entry.spent for entry in entries if entry.spent is not None),
            Ordered.of(entry.told for entry in entries if entry.told is not None),
            crowds_of(entry.place for entry in entries),
            newcomer_updates,
        )

    @property
    def online(self) -> int:
        """Number of the devices that have said that they are there, and not that they are gone."""
        return sum(len(devices) for kind, devices in self.recent.items() if kind.is_online)

    def heard_by(self, at: float) -> int:
        """Return how many of those were heard from lately enough, as `Client.is_online` has it, Unix seconds."""
        there = (devices for kind, devices in self.recent.items() if kind.is_online)
        return sum(devices.below((GONE_SECONDS - at, "")) for devices in there)

    def with_device(self, before: Client | None, after: Client) -> "Indices":
        """Return the indices with a device as it is now, instead of as it was; None: nothing was known of it."""
        known = _NOTHING if before is None else _entry(before, self.as_of, self.newcomer_updates)
        return self._swapped(known, _entry(after, self.as_of, self.newcomer_updates))

    def at(self, at: float, clients: Mapping[str, Client]) -> "Indices":
        """Return the indices as of a later time, Unix seconds.

        Args:
            at: Not before `as_of`.
            clients: All devices.
        """
        later = self
        while (due := later.alarms.first) is not None and due[0] <= at:
            client, updates = clients[due[1]], self.newcomer_updates
            later = later._swapped(_entry(client, self.as_of, updates), _entry(client, at, updates))
        return replace(later, as_of=at)

    def _swapped(self, before: "_Entry", after: "_Entry") -> "Indices":
        return Indices(
            self.as_of,
            self.whole.minus(before.tally).plus(after.tally),
            _tallied(self.by_language, before, after),
            _grouped(self.waiting, before.waiting, after.waiting),
            _grouped(self.working, before.working, after.working),
            _swapped(self.alarms, before.alarm, after.alarm),
            _grouped(self.recent, before.recent, after.recent),
            _swapped(self.listening, before.listening, after.listening),
            _swapped(self.usual, before.usual, after.usual),
            _swapped(self.failing, before.failing, after.failing),
            _swapped(self.spent, before.spent, after.spent),
            _swapped(self.told, before.told, after.told),
            moved(self.crowds, before.place, after.place),
            self.newcomer_updates,
        )


class _Entry(NamedTuple):
    """What one device has in each index; None: nothing."""

    language: LanguageCode | None = None
    tally: Tally = Tally()
    waiting: tuple[LanguageCode, tuple[int, str]] | None = None
    working: tuple[LanguageCode, tuple[float, str]] | None = None
    alarm: tuple[float, str] | None = None
    recent: tuple[Kind, tuple[float, str]] | None = None
    listening: str | None = None
    usual: tuple[float, str] | None = None
    failing: tuple[int, str] | None = None
    spent: tuple[float, str] | None = None
    told: tuple[int, str] | None = None
    place: Place | None = None


_NOTHING: Final = _Entry()


def _entry(client: Client, at: float, newcomer_updates: int) -> _Entry:
    """Return what a device has in each index as of a time, Unix seconds."""
    is_online, change = client.state == "online", client.next_change(at)
    return _Entry(
        client.language,
        tally_of(client, at),
        (client.language, (client.contributed, client.id)) if client.can_start(at) else None,
        (client.language, (client.progress, client.id)) if client.is_at_work(at) else None,
        None if math.isinf(change) else (change, client.id),
        (Kind(is_online, client.phase == "done"), (-client.last_seen, client.id)),
        client.id if client.is_listening else None,
        (client.seconds, client.id) if is_online and client.seconds is not None else None,
        (-client.failures, client.id) if client.failures >= FAILURES else None,
        (-client.epsilon, client.id) if client.epsilon is not None else None,
        (-client.measured.version, client.id) if client.measured is not None else None,
        place_of(client, newcomer_updates),
    )


def _by_group(pairs: Iterable[tuple[Key, Part]]) -> dict[Key, list[Part]]:
    groups: dict[Key, list[Part]] = {}
    for group, part in pairs:
        groups.setdefault(group, []).append(part)
    return groups


def _all_grouped(pairs: Iterable[tuple[Group, Item] | None]) -> Mapping[Group, Ordered[Item]]:
    groups = _by_group(pair for pair in pairs if pair is not None)
    return {group: Ordered.of(items) for group, items in groups.items()}


def _tallied(known: Mapping[LanguageCode, Tally], before: _Entry, after: _Entry) -> Mapping[LanguageCode, Tally]:
    if (before.language, before.tally) == (after.language, after.tally):
        return known
    tallies = dict(known)
    if before.language is not None:
        tallies[before.language] = tallies[before.language].minus(before.tally)
        if not tallies[before.language].devices:
            del tallies[before.language]
    if after.language is not None:
        tallies[after.language] = tallies.get(after.language, Tally()).plus(after.tally)
    return tallies


def _grouped(
    groups: Mapping[Group, Ordered[Item]], before: tuple[Group, Item] | None, after: tuple[Group, Item] | None
) -> Mapping[Group, Ordered[Item]]:
    """Return groups with one item instead of another one. No group is empty."""
    if before == after:
        return groups
    changed = dict(groups)
    if before is not None:
        changed[before[0]] = changed[before[0]].minus(before[1])
        if not changed[before[0]]:
            del changed[before[0]]
    if after is not None:
        changed[after[0]] = changed.get(after[0], Ordered[Item]()).plus(after[1])
    return changed


def _swapped(items: Ordered[Item], before: Item | None, after: Item | None) -> Ordered[Item]:
    """Return items with one instead of another one."""
    if before == after:
        return items
    left = items if before is None else items.minus(before)
    return left if after is None else left.plus(after)
