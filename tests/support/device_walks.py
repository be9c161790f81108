"""What a walk through all devices finds: what the indices of a coordinator must say without one."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from typing import TypeVar

from mfpt_coord.core.client import Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.indices import Indices, Kind
from mfpt_coord.core.tally import Tally

Group = TypeVar("Group", bound=Hashable)
Item = TypeVar("Item", bound=str | tuple[float, str])


def check_indices(clients: Clients, at: float) -> None:
    """Compare the indices as of a time, Unix seconds, with a walk: those that were moved on, and new ones."""
    every = [clients[name] for name in clients]
    assert list(clients.values()) == every
    for indices in (clients.by(at).indices, Clients.of(every, at, clients.indices.newcomer_updates).indices):
        _check(indices, every, at)


def _check(indices: Indices, every: list[Client], at: float) -> None:
    at_work = [one for one in every if one.assignment is not None and at < one.assignment.deadline]
    assert _listed(indices.working) == _grouped((one.language, (one.progress, one.id)) for one in at_work)
    startable = [one for one in every if _could_start(one, at)]
    assert _listed(indices.waiting) == _grouped((one.language, (one.contributed, one.id)) for one in startable)
    kinds = ((Kind(one.state == "online", one.phase == "done"), (-one.last_seen, one.id)) for one in every)
    assert _listed(indices.recent) == _grouped(kinds)
    assert list(indices.listening) == sorted(one.id for one in every if one.is_listening)
    online = [one for one in every if one.state == "online"]
    assert indices.online == len(online)
    assert list(indices.usual) == sorted((one.seconds, one.id) for one in online if one.seconds is not None)
    failures = ((one, len(one.grants) - (one.assignment is not None)) for one in every)
    assert list(indices.failing) == sorted((-number, one.id) for one, number in failures if number >= 3)
    assert list(indices.spent) == sorted((-one.epsilon, one.id) for one in every if one.epsilon is not None)
    due = [(time, one.id) for one in every for time in _times(one) if time > at]
    first = {name: time for time, name in sorted(due, reverse=True)}
    assert list(indices.alarms) == sorted((time, name) for name, time in first.items())
    told = [(-one.measured.version, one.id) for one in every if one.measured is not None]
    assert list(indices.told) == sorted(told)
    present = [one for one in online if one.examples > 0]
    crowds = Counter((one.language, one.folded < indices.newcomer_updates, one.examples) for one in present)
    assert {(*crowd, said): number for crowd, some in indices.crowds.items() for said, number in some.items()} == crowds
    assert all(indices.crowds.values())
    _check_sums(indices, every, at)


def _could_start(client: Client, at: float) -> bool:
    known = client.assignment
    is_free = known is None or at >= max(2 * known.deadline - known.since, client.last_seen + 60)
    return client.ready and at >= client.retry_at and (is_free and (known is None or at >= known.deadline))


def _times(client: Client) -> list[float]:
    known = client.assignment
    times = [] if known is None else [known.deadline, max(2 * known.deadline - known.since, client.last_seen + 60)]
    return [client.retry_at, *times]


def _check_sums(indices: Indices, clients: list[Client], at: float) -> None:
    by_language = defaultdict[Hashable, list[Client]](list)
    for client in clients:
        by_language[client.language].append(client)
    assert indices.by_language.keys() == by_language.keys()
    _check_sum(indices.whole, clients, at)
    for language, tally in indices.by_language.items():
        _check_sum(tally, by_language[language], at)


def _check_sum(tally: Tally, clients: list[Client], at: float) -> None:
    at_work = [one for one in clients if one.assignment is not None and at < one.assignment.deadline]
    assert tally.devices == len(clients)
    assert tally.examples == sum(one.examples for one in clients)
    assert tally.taking_part == sum(one.ready and one.state == "online" for one in clients)
    assert (tally.at_work, tally.learning) == (len(at_work), sum(one.examples for one in at_work))
    measured = [(Fraction(one.accuracy), max(1, one.examples)) for one in clients if one.accuracy is not None]
    if tally.accuracy is None:
        assert not measured
    else:
        mean = sum(accuracy * weight for accuracy, weight in measured) / sum(weight for _, weight in measured)
        assert abs(tally.accuracy - mean) < 1e-15


def _listed(groups: Mapping[Group, Iterable[Item]]) -> dict[Group, list[Item]]:
    return {group: list(items) for group, items in groups.items()}


def _grouped(items: Iterable[tuple[Group, Item]]) -> dict[Group, list[Item]]:
    groups: dict[Group, list[Item]] = {}
    for group, item in sorted(items, key=lambda one: one[1]):
        groups.setdefault(group, []).append(item)
    return groups
