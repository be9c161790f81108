"""Which prompt a device asks the broker for, and when: the one that it is about to use, and not every version.

To ask is to subscribe: the broker sends the newest version that it keeps, and those that follow, until the device takes
the subscription back. A device that listened all the time would be sent several versions for each that it trains from.
"""

from dataclasses import replace
from typing import Final

from mfpt_edge.core.effects import AskForPrompt, Effect, StopAsking
from mfpt_edge.core.state import State
from mfpt_shared.protocol.messages import PromptHeader

ASK_AGAIN_SECONDS: Final = 5.0
"""Time after which a device asks again for a prompt that has not come; twice as long after each time in vain."""
LONGEST_PAUSE_SECONDS: Final = 60.0
"""Longest time between two questions, however often they were in vain."""
SECOND_LOOK_SECONDS: Final = 0.25
"""The same if the first answer was an older version: a broker may send what it kept before, and never the new one."""


def needed_version(state: State) -> int | None:
    """Return the lowest version of the prompt that the device is about to use; None: it is about to use none."""
    if state.leaving:
        return state.leave_at_version
    if state.done_at is not None:
        return state.contained_from
    if state.assigned is not None:
        # A device that lost the connection for a moment may be assigned twice; it trains once from each version.
        return max(state.assigned, state.trained_from + 1)
    return 0 if state.version is None else None


def is_at_hand(state: State, version: int) -> bool:
    """Tell whether the device holds a prompt of this version, or a newer one, to do with what it is about to do."""
    # What an earlier run of the coordinator published may be another prompt: its database may have been restored.
    may_differ = not state.is_done and state.coordinator is not None and state.epoch < state.coordinator
    return state.holds(version) and not may_differ


def lacks_prompt(state: State) -> bool:
    """Tell whether the device is about to use a prompt that it does not hold, and that the broker has."""
    needed = needed_version(state)
    if needed is None or not state.connected or state.plan is None:
        return False
    return state.version is None or (state.published >= needed and not is_at_hand(state, needed))


def ask(state: State, at: float) -> tuple[State, list[Effect]]:
    """Ask for the prompt that the device is about to use, or stop asking once it is here."""
    if not lacks_prompt(state):
        return (replace(state, asked=0), [StopAsking()]) if state.asked else (state, [])
    if state.asked and at < state.ask_again_at:
        return state, []
    again = at + growing(ASK_AGAIN_SECONDS, state.asked)
    return replace(state, asked=state.asked + 1, ask_again_at=again), [AskForPrompt()]


def growing(seconds: float, times: int) -> float:
    """Return how long to wait after something was in vain so many times: twice as long each time, up to a limit."""
    return min(seconds * 2.0 ** min(times, 32), LONGEST_PAUSE_SECONDS)


def knowing(state: State, version: int) -> State:
    """Note that the coordinator has published a version."""
    return replace(state, published=max(state.published, version))


def given(state: State, prompt: PromptHeader, at: float) -> State:
    """Return the state of a device that is given a prompt, the newest that it knows."""
    newer = replace(state, version=prompt.version, epoch=prompt.epoch)
    if state.asked == 1 and lacks_prompt(newer):
        return replace(newer, ask_again_at=at + SECOND_LOOK_SECONDS)
    return newer
