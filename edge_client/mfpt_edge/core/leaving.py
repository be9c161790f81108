"""When a device that makes no more rounds leaves, and with which prompt.

Its last update is in some version; those that follow hold what the others still make, and are better. So the device
goes on listening, without training and almost without traffic, until the coordinator says that nobody trains any more
(`Stop`, finished), or the time that its owner gives is over. Then it asks for the newest prompt, once, and leaves.

Under masks an update waits for those of others. Where they are too few for too long, a device that was to make so many
rounds leaves without having made them; the update stays in its outbox.
"""

from dataclasses import replace
from typing import Final

from mfpt_edge.core.asking import knowing
from mfpt_edge.core.deadlines import is_busy, left_alone_at, over_at, waiting
from mfpt_edge.core.effects import CancelTraining, Effect, Leave, PublishState, Tell
from mfpt_edge.core.state import State
from mfpt_shared.protocol.messages import Phase

LAST_PROMPT_SECONDS: Final = 30.0
"""Longest time that a leaving device waits for the prompt that it leaves with."""
SPENT: Final = "the privacy budget is spent: this device makes no more updates, and goes on using the prompts that come"
LEFT_ALONE: Final = (
    "too few others came to be added up with: this device leaves; its update stays here, and the same command offers "
    "it again"
)

Step = tuple[State, list[Effect]]


def in_phase(state: State, phase: Phase) -> Step:
    """Enter a phase, and publish it."""
    # The coordinator must know that a device is done before it assigns again.
    return replace(state, phase=phase), [PublishState(at_once=phase == "done")]


def told_to_finish(state: State, version: int, at: float) -> Step:
    """Begin to leave: the coordinator assigns nobody any more, and this version is the last for now."""
    finished = _leave_with(state, version, at)
    if state.phase != "training":
        return finished, []
    idle, effects = in_phase(finished, "idle")
    return idle, [CancelTraining(), *effects]


def told_it_is_over(state: State, version: int, at: float) -> State:
    """Note that the coordinator has ended after the last version; it may be about to begin with more of them."""
    gone = knowing(replace(state, coordinator=None, announced=False, assigned=None), version)
    return gone if gone.over_since is not None else replace(gone, over_since=at)


def finish(state: State, at: float) -> Step:
    """Do what has become possible for a device that has made its last round."""
    state, effects = _leave_what_is_over(_noting_others(state, at), at)
    state, more = _leave_alone(state, at)
    effects += more
    if state.done_at is None and not state.leaving and (why := _why_done(state)):
        state, effects = in_phase(waiting(replace(state, done_at=at, assigned=None), at), "done")
        if state.leave_after:
            effects.append(Tell(f"{why}; {listening(state.leave_after)}"))
        elif why == SPENT:
            effects.append(Tell(SPENT))
    if state.done_at is not None and not state.leaving and at >= state.done_at + state.leave_after:
        state = _leave_with(state, max(state.contained_from, state.published), at)
    if state.leaving and not is_busy(state) and (state.holds(state.leave_at_version) or at >= state.leave_by):
        effects.append(Leave())
    return state, effects


def _noting_others(state: State, at: float) -> State:
    """Note since when an update waits for others."""
    waits = state.is_masked and state.phase == "uploading" and state.connected and state.coordinator is not None
    if waits == (state.alone_since is not None):
        return state
    return replace(state, alone_since=at if waits else None)


def _leave_what_is_over(state: State, at: float) -> Step:
    """Begin to leave where the federation has ended, and no coordinator has begun again."""
    if state.leaving or at < over_at(state):
        return state, []
    kept = "; what was not sent stays here" if state.outbox else ""
    told = Tell(f"the federation has ended with version {state.published}: this device leaves with that prompt{kept}")
    leaving, effects = told_to_finish(state, state.published, at)
    return leaving, [*effects, told]


def _leave_alone(state: State, at: float) -> Step:
    """Begin to leave where too few others have come."""
    if at < left_alone_at(state):
        return state, []
    return _leave_with(state, max(state.contained_from, state.published), at), [Tell(LEFT_ALONE)]


def listening(seconds: float) -> str:
    """Return what a person is told about a device that is done and still there."""
    at_most = f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
    return (
        f"listening for what the others still make, {at_most} at most (--leave-after); "
        "Ctrl-C leaves now, and nothing is lost"
    )


def _why_done(state: State) -> str:
    """Return why the device makes no more rounds, in words; empty while it makes some, or waits for an answer."""
    if state.rounds_wanted is not None and state.rounds >= state.rounds_wanted:
        return "1 round is done" if state.rounds == 1 else f"{state.rounds} rounds are done"
    waits = state.phase != "idle" or bool(state.outbox)
    return SPENT if state.has_spent_all and not waits else ""


def _leave_with(state: State, version: int, at: float) -> State:
    """Begin to wait for the version to leave with. It may not exist yet: only after a while does it count as lost."""
    leave_by = min(state.leave_by, at + LAST_PROMPT_SECONDS)
    leaving = replace(state, leaving=True, leave_at_version=version, leave_by=leave_by, assigned=None)
    return waiting(leaving, at)
