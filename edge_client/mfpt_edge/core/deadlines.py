"""What a device waits for, and for how long before it does something about it."""

from typing import Final

from mfpt_edge.core.state import State

RESEND_SECONDS: Final = 15.0
"""Time after which an unacknowledged update is sent again, although nothing seems to be wrong."""
REANNOUNCE_SECONDS: Final = 60.0
"""Time after which an idle device without an assignment announces itself again."""
RESUBSCRIBE_SECONDS: Final = 5.0
"""Time after which a retained message that has not come is asked for again."""
LAST_PROMPT_SECONDS: Final = 30.0
"""Longest time that a leaving device waits for a prompt that holds its last update."""


def waits_for_acknowledgement(state: State) -> bool:
    """Tell whether updates are on their way to a coordinator that can answer."""
    return bool(state.outbox) and state.connected and state.coordinator is not None


def lacks_something(state: State) -> bool:
    """Tell whether a retained message has not come: a broker may lose one that is published during a SUBSCRIBE."""
    waits_to_train = state.assigned is not None and not state.holds(state.assigned)
    waits_to_leave = state.leaving and not state.holds(state.leave_at_version)
    return state.connected and (state.plan is None or not state.heard or waits_to_train or waits_to_leave)


def is_busy(state: State) -> bool:
    """Tell whether the device is in the middle of something, and cannot leave."""
    return state.phase == "training" or (state.phase == "preparing" and state.plan is not None)


def next_deadline(state: State) -> float:
    """Return when `TimePassed` is due if nothing else happens, in Unix seconds; infinity for never."""
    deadlines = [float("inf")]
    if waits_for_acknowledgement(state):
        deadlines.append(state.sent_at + RESEND_SECONDS)
    if lacks_something(state):
        deadlines.append(state.waiting_since + RESUBSCRIBE_SECONDS)
    online = state.connected and state.coordinator is not None
    if state.prepared and state.phase == "idle" and online and state.assigned is None and not state.leaving:
        deadlines.append(state.announced_at + REANNOUNCE_SECONDS)
    if state.leaving and not is_busy(state):
        deadlines.append(state.leave_by)
    return min(deadlines)
