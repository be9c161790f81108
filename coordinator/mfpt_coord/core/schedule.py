"""Who trains next, until when, and when the buffer is folded. Pure functions of the state and the time.

A device trains at most once from each version: a second update from the same prompt would repeat the first. So a fold
is due when the buffer is full, when its time is up, or when no device is left that could still add to it. A slow device
is late, not failed: after its deadline another may be assigned instead, and its update still counts, as a stale one.

Under masks it is offers whose number and age decide. Then cohorts are formed of them, and the fold follows when these
have ended.
"""

import heapq
import math
from collections.abc import Container, Iterable, Iterator
from itertools import islice
from typing import Final

from mfpt_coord.core.client import Assignment, Client
from mfpt_coord.core.ordered import Ordered
from mfpt_coord.core.state import State
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation

MIN_SECONDS: Final = 10.0
# No device is known to be training, but updates that waited in outboxes may arrive one after the other.
QUIET_SECONDS: Final = 0.5
# How long devices may take to come back after the coordinator has started.
RETURN_SECONDS: Final = 30.0


def eligible(state: State, at: float) -> dict[LanguageCode, Iterator[tuple[int, str]]]:
    """Return for each language the devices that could be assigned now, in turn; maybe none.

    Some were assigned before, and have long been silent. Each comes as base version of its last update, and id.
    """
    held = holding(state)
    waiting = state.clients.by(at).indices.waiting
    return {
        language: _untrained(devices, state.version, held)
        for language, devices in waiting.items()
        if language in state.prompts and devices.at(0)[0] < state.version
    }


def _untrained(devices: Iterable[tuple[int, str]], version: int, held: Container[str]) -> Iterator[tuple[int, str]]:
    """Go through the devices that have not trained from a version yet, and hold no update."""
    for contributed, name in devices:
        if contributed >= version:
            return
        if name not in held:
            yield contributed, name


def _somebody_trains_or_could(state: State, at: float) -> bool:
    if state.clients.by(at).indices.whole.at_work:
        return True
    return any(next(devices, None) is not None for devices in eligible(state, at).values())


def holding(state: State) -> set[str]:
    """Return the devices that hold an update for a sum under masks."""
    members = {cohort.members[place].client for cohort in state.cohorts for place in cohort.left}
    return members.union(one.client for one in state.offers)


def fold_deadline(state: State, at: float) -> float:
    """Return when what waits is due even if it fills no buffer, Unix seconds; infinity if nothing waits."""
    waiting = state.waiting
    if not waiting:
        return math.inf
    back = _back(state, waiting[-1].at)
    if not state.joining and not _somebody_trains_or_could(state, at):
        return max(back, waiting[-1].at + QUIET_SECONDS)
    usual = state.clients.indices.usual
    plan = state.plan.aggregation
    wait = min(plan.fold_after, max(MIN_SECONDS, plan.patience * _median(usual))) if usual else plan.fold_after
    return max(back, waiting[0].at + wait)


def _median(usual: Ordered[tuple[float, str]]) -> float:
    low, high = usual.at((len(usual) - 1) // 2)[0], usual.at(len(usual) // 2)[0]
    return (low + high) / 2


def _back(state: State, newest: float) -> float:
    """Return until when devices may come back, if what waits was there already when the coordinator started."""
    return state.opened + RETURN_SECONDS if newest <= state.opened else 0.0


def fold_size(state: State) -> int:
    """Return how many updates fill the buffer: the plan's number, or half the devices that take part, rounded up.

    Under masks it is a cohort at least.
    """
    least = state.plan.privacy.min_group if state.plan.privacy.is_masked else 1
    if state.plan.aggregation.buffer:
        return max(least, state.plan.aggregation.buffer)
    others = {one.client for one in state.waiting if not _takes_part(state.clients.get(one.client))}
    return max(least, math.ceil((state.clients.indices.whole.taking_part + len(others)) / 2))


def _takes_part(client: Client | None) -> bool:
    return client is not None and client.ready and client.state == "online"


def waiting_updates(state: State) -> int:
    """Return how many updates are to be folded: those in the buffer, and under masks those that are offered."""
    folding = sum(len(contribution.updates) for contribution in state.buffer)
    return folding + sum(len(cohort.left) for cohort in state.cohorts) + len(state.offers)


def fold_is_due(state: State, at: float) -> bool:
    """Tell whether the buffer is folded now: under masks, once all cohorts of the fold have ended."""
    if not state.plan.privacy.is_masked:
        return _is_due(state, at)
    return bool(state.buffer) and not state.cohorts and at >= _back(state, state.buffer[-1].at)


def gathering_is_due(state: State, at: float) -> bool:
    """Tell whether offers become cohorts now."""
    return not state.cohorts and len(state.offers) >= state.plan.privacy.min_group and _is_due(state, at)


def _is_due(state: State, at: float) -> bool:
    waiting = state.waiting
    if not waiting:
        return False
    if len(waiting) >= fold_size(state) and not _still_starting(state, at):
        return True
    # No deadline is before the earliest one, which costs less to look at.
    earliest = min(
        waiting[-1].at + QUIET_SECONDS,
        waiting[0].at + min(MIN_SECONDS, state.plan.aggregation.fold_after),
    )
    return at >= earliest and at >= fold_deadline(state, at)


def _still_starting(state: State, at: float) -> bool:
    """Tell whether a full buffer waits for the other devices at work, because the federation has only begun.

    From a head of zeros every device makes much the same first steps: half of them, folded alone, would only do what
    the other half does too. And heads in closed form are complete, not small steps: folded one after the other, they
    would add up to one that is too large.
    """
    together = max(state.plan.aggregation.start_together, 1 if state.plan.starts_closed else 0)
    return state.version < together and (bool(state.joining) or _somebody_trains_or_could(state, at))


def assignments(state: State, at: float) -> list[tuple[Client, Assignment]]:
    """Return who is assigned now, in order: languages whose prompt has seen the fewest examples come first."""
    plan = state.plan.aggregation
    places = plan.concurrency - state.clients.by(at).indices.whole.at_work
    chosen = [state.clients[name] for name in _in_turn(state, at, places)] if places > 0 else []
    return [(client, Assignment(state.version, at, at + allowance(client, plan))) for client in chosen]


def _in_turn(state: State, at: float, places: int) -> list[str]:
    """Return who gets the free places; what a device will add counts as seen as soon as it has its place.

    This looks at one device of each language, and at as many more as there are places and updates that devices hold.
    """
    indices, held = state.clients.by(at).indices, holding(state)
    waiting = {language: iter(devices) for language, devices in indices.waiting.items() if language in state.prompts}
    heads = [
        (state.contributed.get(language, 0) + indices.by_language[language].learning, *next(devices), language)
        for language, devices in waiting.items()
    ]
    heapq.heapify(heads)
    chosen: list[str] = []
    while heads and len(chosen) < places:
        seen, contributed, name, language = heapq.heappop(heads)
        if contributed >= state.version:
            continue  # nor could those who follow
        if name not in held:
            chosen.append(name)
            seen += state.clients[name].examples
        if (following := next(waiting[language], None)) is not None:
            heapq.heappush(heads, (seen, *following, language))
    return chosen


def allowance(client: Client, plan: Aggregation) -> float:
    """Return how long a device may take up a place, seconds: `patience` times its own usual duration."""
    return plan.fold_after if client.seconds is None else max(MIN_SECONDS, plan.patience * client.seconds)


def next_deadline(state: State, at: float) -> float:
    """Return when the scheduler must look again if nothing happens, Unix seconds; infinity for never."""
    parting = min(state.parting.values(), default=math.inf)
    if state.finished:
        return parting
    deadlines = [parting, fold_deadline(state, at), *(cohort.until for cohort in state.cohorts)]
    if state.buffer and state.plan.privacy.is_masked:
        deadlines.append(_back(state, state.buffer[-1].at))
    # The state may be older than `at`: what has changed by then is not to be looked at again.
    deadlines += [time for time, _ in islice(state.clients.by(at).indices.alarms, 1)]
    return min((deadline for deadline in deadlines if deadline > at), default=math.inf)
