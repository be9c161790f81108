"""What a device waits for, and for how long before it does something about it."""

from dataclasses import replace
from typing import Final

from mfpt_edge.core.asking import growing, is_at_hand, needed_version
from mfpt_edge.core.state import State

RESEND_SECONDS: Final = 15.0
"""Time after which an unacknowledged update is sent again, although nothing seems to be wrong."""
REANNOUNCE_SECONDS: Final = 60.0
"""Time after which an idle device without an assignment announces itself again."""
RESUBSCRIBE_SECONDS: Final = 5.0
"""Time after which a retained message that has not come is asked for again; twice as long after each time in vain."""
OVER_SECONDS: Final = 10.0
"""Time that a coordinator which has ended after the last version has to begin again with more of them."""
OTHERS_SECONDS: Final = 900.0
"""Time that others have at least to come and be added up with under masks. Some train for minutes, and folds wait."""


def waits_for_acknowledgement(state: State) -> bool:
    """Tell whether updates are on their way to a coordinator that can answer; the plan says how they travel."""
    return bool(state.outbox) and state.connected and state.coordinator is not None and state.plan is not None


def lacks_news(state: State) -> bool:
    """Tell whether the plan, a coordinator, or word of the version that the device needs has not come, or may not.

    A broker may lose a retained message that is published during a SUBSCRIBE, or send the one before it.
    """
    needed = needed_version(state)
    waits = needed is not None and state.published < needed and not is_at_hand(state, needed)
    return state.connected and (state.plan is None or state.coordinator is None or state.refused or waits)


def look_again_at(state: State) -> float:
    """Return when a device that lacks news subscribes again, in Unix seconds."""
    return state.waiting_since + growing(RESUBSCRIBE_SECONDS, state.looks)


def waiting(state: State, at: float) -> State:
    """Begin to wait for news; if they do not come, the device subscribes again."""
    return replace(state, waiting_since=at, looks=0)


def left_alone_at(state: State) -> float:
    """Return when a device that makes so many rounds, or updates, waits no longer for others to be added up with.

    Unix seconds; infinity while it waits for nobody, or for however long.
    """
    will_end = state.rounds_wanted is not None or state.has_spent_all
    if state.alone_since is None or state.leaving or not will_end:
        return float("inf")
    return state.alone_since + max(OTHERS_SECONDS, state.leave_after)


def over_at(state: State) -> float:
    """Return when a device leaves a federation that has ended, Unix seconds; infinity while it has not."""
    return float("inf") if state.over_since is None else state.over_since + OVER_SECONDS


def is_busy(state: State) -> bool:
    """Tell whether the device is in the middle of something, and cannot leave."""
    return state.phase == "training" or (state.phase == "preparing" and state.plan is not None)


def next_deadline(state: State) -> float:
    """Return when `TimePassed` is due if nothing else happens, in Unix seconds; infinity for never."""
    deadlines = [left_alone_at(state)]
    if not state.leaving:
        deadlines.append(over_at(state))
    if waits_for_acknowledgement(state):
        deadlines.append(state.sent_at + RESEND_SECONDS)
    if lacks_news(state):
        deadlines.append(look_again_at(state))
    if state.asked:
        deadlines.append(state.ask_again_at)
    may_train = state.prepared and not state.against and not state.is_done
    online = state.connected and state.coordinator is not None
    if may_train and state.phase == "idle" and online and state.assigned is None:
        deadlines.append(state.announced_at + REANNOUNCE_SECONDS)
    if state.leaving and not is_busy(state):
        deadlines.append(state.leave_by)
    if state.done_at is not None and not state.leaving:
        deadlines.append(state.done_at + state.leave_after)
    return min(deadlines)
