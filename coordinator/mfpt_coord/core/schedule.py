"""Who trains next, until when, and when the buffer is folded. Pure functions of the state and the time.

A device trains at most once from each version: a second update from the same prompt would repeat the first. So a fold
is due when the buffer is full, when its time is up, or when no device is left that could still add to it. A slow device
is late, not failed: after its deadline another may be assigned instead, and its update still counts, as a stale one.
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
    return [
        client
        for client in state.clients.values()
        if client.ready
        and (client.assignment is None or at >= _given_up(client, client.assignment))
        and at >= client.retry_at
        and client.contributed < state.version
        and client.language in state.prompts
    ]


def fold_deadline(state: State, at: float) -> float:
    """Return when the buffer is folded even if it is not full, Unix seconds; infinity if it is empty."""
    if not state.buffer:
        return math.inf
    # Updates that were in the buffer when the coordinator started wait until the devices have had time to come back.
    back = state.opened + RETURN_SECONDS if state.buffer[-1].at < state.opened else 0.0
    if not state.joining and not training(state, at) and not eligible(state, at):
        return max(back, state.buffer[-1].at + QUIET_SECONDS)
    online = [client for client in state.clients.values() if client.state == "online"]
    usual = [client.seconds for client in online if client.seconds is not None]
    plan = state.plan.aggregation
    wait = min(plan.fold_after, max(MIN_SECONDS, plan.patience * median(usual))) if usual else plan.fold_after
    return max(back, state.buffer[0].at + wait)


def fold_size(state: State) -> int:
    """Return how many updates fill the buffer: the plan's number, or half the devices that take part, rounded up."""
    taking_part = {client.id for client in state.clients.values() if client.ready and client.state == "online"}
    taking_part.update(update.client for update in state.buffer)
    return state.plan.aggregation.buffer or max(1, math.ceil(len(taking_part) / 2))


def fold_is_due(state: State, at: float) -> bool:
    """Tell whether the buffer is folded now."""
    full = len(state.buffer) >= fold_size(state)
    return (full and not _still_starting(state, at)) or at >= fold_deadline(state, at)


def _still_starting(state: State, at: float) -> bool:
    """Tell whether other devices are still computing closed-form heads, which all go into the first version together.

    They are complete heads, not small steps: folded one after the other, they would add up to one that is too large.
    """
    starts_closed = state.version == 0 and state.plan.starts_closed
    return starts_closed and bool(state.joining or training(state, at) or eligible(state, at))


def assignments(state: State, at: float) -> list[tuple[Client, Assignment]]:
    """Return who is assigned now, in order: languages whose prompt has seen the fewest examples come first."""
    places = state.plan.aggregation.concurrency - len(training(state, at))
    waiting = eligible(state, at)
    seen = dict(state.contributed)
    for client in training(state, at):
        seen[client.language] = seen.get(client.language, 0) + client.examples
    chosen = []
    while waiting and places > 0:
        client = min(waiting, key=lambda one: (seen.get(one.language, 0), one.contributed, one.id))
        waiting.remove(client)
        seen[client.language] = seen.get(client.language, 0) + client.examples
        chosen.append((client, Assignment(state.version, at, at + allowance(client, state.plan.aggregation))))
        places -= 1
    return chosen


def allowance(client: Client, plan: Aggregation) -> float:
    """Return how long a device may take up a place, seconds: `patience` times its own usual duration."""
    return plan.fold_after if client.seconds is None else max(MIN_SECONDS, plan.patience * client.seconds)


def next_deadline(state: State, at: float) -> float:
    """Return when the scheduler must look again if nothing happens, Unix seconds; infinity for never."""
    if state.finished:
        return math.inf
    deadlines = [fold_deadline(state, at)]
    for client in state.clients.values():
        deadlines.append(client.retry_at)
        if client.assignment is not None:
            deadlines += [client.assignment.deadline, _given_up(client, client.assignment)]
    return min((deadline for deadline in deadlines if deadline > at), default=math.inf)


def _given_up(client: Client, assignment: Assignment) -> float:
    """Return when a device whose update is overdue is assigned again, Unix seconds; not while it is heard from."""
    return max(assignment.deadline + (assignment.deadline - assignment.since), client.last_seen + SILENT_SECONDS)
