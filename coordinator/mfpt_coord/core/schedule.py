"""Who trains next, until when, and when the buffer is folded. Pure functions of the state and the time.

A device trains at most once from each version: a second update from the same prompt would repeat the first. So a fold
is due when the buffer is full, when its time is up, or when no device is left that could still add to it. A slow device
is late, not failed: after its deadline another may be assigned instead, and its update still counts, as a stale one.

Under masks it is offers whose number and age decide. Then cohorts are formed of them, and the fold follows when these
have ended.
"""

import math
from statistics import median
from typing import Final

from mfpt_coord.core.state import Assignment, Client, State
from mfpt_shared.plan import Aggregation

MIN_SECONDS: Final = 10.0
# No device is known to be training, but updates that waited in outboxes may arrive one after the other.
QUIET_SECONDS: Final = 0.5
# How long devices may take to come back after the coordinator has started.
RETURN_SECONDS: Final = 30.0
# A device that is training publishes its state every few seconds, far more often than this.
SILENT_SECONDS: Final = 60.0


def training(state: State, at: float) -> list[Client]:
    """Return the devices that take up a place: assigned, online, and not past their deadline."""
    return [
        client for client in state.clients.values() if client.assignment is not None and at < client.assignment.deadline
    ]


def eligible(state: State, at: float) -> list[Client]:
    """Return the devices that could be assigned now, again if they were assigned before and have long been silent."""
    holding = _holding(state)
    return [
        client
        for client in state.clients.values()
        if client.ready
        and client.contributed < state.version
        and (
            client.assignment is None
            # Nobody is given up before the deadline, which costs less to look at.
            or (at >= client.assignment.deadline and at >= _given_up(client, client.assignment))
        )
        and at >= client.retry_at
        and client.language in state.prompts
        and client.id not in holding
    ]


def _holding(state: State) -> set[str]:
    """Return the devices that hold an update for a sum under masks."""
    members = {cohort.members[place].client for cohort in state.cohorts for place in cohort.left}
    return members.union(one.client for one in state.offers)


def fold_deadline(state: State, at: float) -> float:
    """Return when what waits is due even if it fills no buffer, Unix seconds; infinity if nothing waits."""
    waiting = state.waiting
    if not waiting:
        return math.inf
    back = _back(state, waiting[-1].at)
    if not state.joining and not training(state, at) and not eligible(state, at):
        return max(back, waiting[-1].at + QUIET_SECONDS)
    online = [client for client in state.clients.values() if client.state == "online"]
    usual = [client.seconds for client in online if client.seconds is not None]
    plan = state.plan.aggregation
    wait = min(plan.fold_after, max(MIN_SECONDS, plan.patience * median(usual))) if usual else plan.fold_after
    return max(back, waiting[0].at + wait)


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
    taking_part = {client.id for client in state.clients.values() if client.ready and client.state == "online"}
    taking_part.update(one.client for one in state.waiting)
    return max(least, math.ceil(len(taking_part) / 2))


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
    # Looking at all devices is dear, and no deadline is before the earliest one.
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
    return state.version < together and bool(state.joining or training(state, at) or eligible(state, at))


def assignments(state: State, at: float) -> list[tuple[Client, Assignment]]:
    """Return who is assigned now, in order: languages whose prompt has seen the fewest examples come first."""
    waiting = eligible(state, at)
    if not waiting:
        return []
    at_work = training(state, at)
    places = state.plan.aggregation.concurrency - len(at_work)
    if len(waiting) > 1:
        waiting = _in_turn(waiting, places, state, at_work)
    plan = state.plan.aggregation
    return [
        (client, Assignment(state.version, at, at + allowance(client, plan))) for client in waiting[: max(0, places)]
    ]


def _in_turn(waiting: list[Client], places: int, state: State, at_work: list[Client]) -> list[Client]:
    """Return who gets the free places, first come those whose language has seen the fewest examples."""
    seen = dict(state.contributed)
    for client in at_work:
        seen[client.language] = seen.get(client.language, 0) + client.examples
    left, chosen = list(waiting), list[Client]()
    while left and len(chosen) < places:
        client = min(left, key=lambda one: (seen.get(one.language, 0), one.contributed, one.id))
        left.remove(client)
        seen[client.language] = seen.get(client.language, 0) + client.examples
        chosen.append(client)
    return chosen


def allowance(client: Client, plan: Aggregation) -> float:
    """Return how long a device may take up a place, seconds: `patience` times its own usual duration."""
    return plan.fold_after if client.seconds is None else max(MIN_SECONDS, plan.patience * client.seconds)


def next_deadline(state: State, at: float) -> float:
    """Return when the scheduler must look again if nothing happens, Unix seconds; infinity for never."""
    if state.finished:
        return math.inf
    deadlines = [fold_deadline(state, at), *(cohort.until for cohort in state.cohorts)]
    if state.buffer and state.plan.privacy.is_masked:
        deadlines.append(_back(state, state.buffer[-1].at))
    for client in state.clients.values():
        deadlines.append(client.retry_at)
        if client.assignment is not None:
            deadlines += [client.assignment.deadline, _given_up(client, client.assignment)]
    return min((deadline for deadline in deadlines if deadline > at), default=math.inf)


def _given_up(client: Client, assignment: Assignment) -> float:
    """Return when a device whose update is overdue is assigned again, Unix seconds; not while it is heard from."""
    return max(assignment.deadline + (assignment.deadline - assignment.since), client.last_seen + SILENT_SECONDS)
