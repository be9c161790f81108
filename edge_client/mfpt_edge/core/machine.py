"""The edge client's core: `step(state, event) -> (state, effects)`.

`_record` says what an event did, `_advance` what to do next: announce the device, train, send, leave. The same few
rules mend every interruption: whatever is in the outbox is sent again whenever a coordinator turns up, and a device
that is idle and unknown to it announces itself.
"""

from dataclasses import replace
from functools import singledispatch
from typing import Final

from mfpt_edge.core.effects import (
    CancelTraining,
    Effect,
    Forget,
    KeepPrompt,
    Leave,
    Prepare,
    PublishState,
    Refuse,
    SendReady,
    SendUpdates,
    Subscribe,
    Tell,
    Train,
)
from mfpt_edge.core.events import (
    BrokerConnected,
    BrokerLost,
    CoordinatorSeen,
    Event,
    PlanReceived,
    Prepared,
    PromptReceived,
    TimePassed,
    Told,
    Trained,
    TrainingFailed,
)
from mfpt_edge.core.state import State
from mfpt_shared.protocol.messages import Ack, Assign, Phase, Reject, Resync, Stop

# An update that nobody acknowledged for so long is sent again, though nothing seems to be wrong.
RESEND_SECONDS: Final = 15.0
REANNOUNCE_SECONDS: Final = 60.0
RESUBSCRIBE_SECONDS: Final = 5.0
# After its last update a device waits so long for a prompt that holds it.
LAST_PROMPT_SECONDS: Final = 30.0
MAX_FAILURES: Final = 3

Step = tuple[State, list[Effect]]


def step(state: State, event: Event) -> Step:
    """Return the state after an event, and what it calls for, in order."""
    if state.ended:
        return state, []
    recorded, effects = _record(event, state)
    if any(isinstance(effect, Refuse) for effect in effects):
        return replace(recorded, ended=True), effects
    advanced, more = _advance(recorded, event.at)
    if any(isinstance(effect, Leave) for effect in more):
        advanced = replace(advanced, ended=True)
    return advanced, effects + more


@singledispatch
def _record(event: Event, state: State) -> Step:
    raise TypeError(f"{type(event).__name__} is no event")


@_record.register
def _(event: TimePassed, state: State) -> Step:
    if (
        state.outbox
        and state.connected
        and state.coordinator is not None
        and event.at >= state.sent_at + RESEND_SECONDS
    ):
        return replace(state, sent_at=event.at), [SendUpdates(state.outbox)]
    if _lacks_something(state) and event.at >= state.subscribed_at + RESUBSCRIBE_SECONDS:
        return replace(state, subscribed_at=event.at), [Subscribe()]
    return state, []


def _lacks_something(state: State) -> bool:
    """Tell whether a retained message that should be there has not come: brokers do lose one now and then."""
    waits_for_prompt = state.assigned is not None and (state.version is None or state.version < state.assigned)
    return state.connected and (state.plan is None or not state.heard or waits_for_prompt)


@_record.register
def _(event: BrokerConnected, state: State) -> Step:
    # The retained state of the coordinator comes right after; until then nobody is known to listen.
    fresh = replace(state, connected=True, coordinator=None, heard=False, announced=False, subscribed_at=event.at)
    return fresh, [Subscribe(), PublishState(at_once=True)]


@_record.register
def _(event: BrokerLost, state: State) -> Step:
    return replace(state, connected=False, coordinator=None, announced=False, assigned=None), []


@_record.register
def _(event: CoordinatorSeen, state: State) -> Step:
    state = replace(state, heard=True)
    if event.message.state == "offline":
        if state.coordinator is None:
            return state, [Tell("no coordinator is online yet; waiting for one")] if state.plan is None else []
        return replace(state, coordinator=None, announced=False, assigned=None), [
            Tell("the coordinator went offline; waiting")
        ]
    if event.message.started == state.coordinator:
        return state, []
    seen = replace(state, coordinator=event.message.started, announced=False, assigned=None, sent_at=event.at)
    seen = replace(seen, trained_from=-1)  # it may have lost its memory, and be at a lower version
    return seen, [SendUpdates(state.outbox)] if state.outbox else []


@_record.register
def _(event: PlanReceived, state: State) -> Step:
    if state.plan is None:
        return replace(state, plan=event.plan), [Prepare(event.plan)]
    if state.plan.digest != event.plan.digest:
        return state, [
            Refuse(
                f"the federation now follows plan {event.plan.digest}, not {state.plan.digest}; start this device again"
            )
        ]
    return state, []


@_record.register
def _(event: PromptReceived, state: State) -> Step:
    plan = state.plan
    if plan is None or event.plan != plan.digest:
        return state, []  # left over from an earlier plan of the same federation; the right one follows
    if plan.backbone.fingerprint and event.backbone != plan.backbone.fingerprint:
        return state, [
            Refuse(f"the prompt was made for backbone {event.backbone}, this device has {plan.backbone.fingerprint}")
        ]
    if state.version is not None and event.version < state.version and state.version_from == state.coordinator:
        return state, []  # an older one that was under way while the connection was down
    return replace(state, version=event.version, version_from=state.coordinator), [KeepPrompt()]


@_record.register
def _(event: Prepared, state: State) -> Step:
    return _in_phase(replace(state, prepared=True), "idle")


@_record.register
def _(event: Trained, state: State) -> Step:
    if state.phase != "training":
        return state, []  # cancelled, but it was done already; the outbox has it for the next run
    outbox = (*state.outbox, event.sequence)
    trained, effects = _in_phase(
        replace(state, outbox=outbox, sequence=event.sequence, sent_at=event.at, failures=0, trained_from=state.base),
        "uploading",
    )
    return trained, [*effects, SendUpdates(outbox)] if state.coordinator is not None else effects


@_record.register
def _(event: TrainingFailed, state: State) -> Step:
    failures = state.failures + 1
    if failures >= MAX_FAILURES:
        return state, [Refuse(f"training failed {failures} times in a row: {event.reason}")]
    # Announcing again is the way back into the coordinator's schedule.
    idle, effects = _in_phase(replace(state, announced=False, failures=failures), "idle")
    return idle, [*effects, Tell(f"this round is given up: {event.reason}")]


@_record.register
def _(event: Told, state: State) -> Step:  # noqa: PLR0911 - one line for each thing that may be told
    match event.message:
        case Assign(version=version):
            busy = state.leaving or state.phase == "training"
            return (state, []) if busy else (replace(state, assigned=version), [])
        case Ack(sequence=sequence):
            return _acknowledged(state, sequence)
        case Reject(sequence=sequence, reason=reason, detail=detail):
            if sequence not in state.outbox:
                return state, []
            rejected, effects = _forgotten(state, sequence)
            if reason == "incompatible" and sequence >= state.first_sequence:
                return rejected, [*effects, Refuse(f"the coordinator refuses this device's updates: {detail}")]
            return rejected, [*effects, Tell(f"update {sequence} was refused: {detail}")]
        case Resync(sequence=sequence, version=version):
            resynced, effects = _forgotten(state, sequence)
            return resynced, [
                *effects,
                Tell(f"update {sequence} came too late to help; going on from version {version}"),
            ]
        case Stop(reason="finished", version=version):
            finished = _leave_with(state, version, event.at)
            if state.phase != "training":
                return finished, []
            # Nobody waits for this update any more.
            idle, effects = _in_phase(finished, "idle")
            return idle, [CancelTraining(), *effects]
        case Stop(detail=detail):
            return state, [Refuse(f"the coordinator turned this device away: {detail}")]


def _acknowledged(state: State, sequence: int) -> Step:
    if sequence not in state.outbox:
        return state, []
    after, effects = _forgotten(state, sequence, accepted=True)
    counts = sequence >= state.first_sequence
    return replace(after, rounds=after.rounds + counts), effects


def _forgotten(state: State, sequence: int, *, accepted: bool = False) -> Step:
    """Drop an update from the outbox; one that was refused must not keep the device from another turn."""
    if sequence not in state.outbox:
        return state, []
    outbox = tuple(waiting for waiting in state.outbox if waiting != sequence)
    after = replace(state, outbox=outbox, trained_from=state.trained_from if accepted else -1)
    if outbox or state.phase != "uploading":
        return after, [Forget(sequence)]
    idle, effects = _in_phase(after, "idle")
    return idle, [Forget(sequence), *effects]


def _leave_with(state: State, version: int, at: float) -> State:
    leave_by = min(state.leave_by, at + LAST_PROMPT_SECONDS)
    return replace(state, leaving=True, leave_at_version=version, leave_by=leave_by, assigned=None)


def _in_phase(state: State, phase: Phase) -> Step:
    # That it is done must be known before anybody gives the device another turn.
    return replace(state, phase=phase), [PublishState(at_once=phase == "done")]


def _advance(state: State, at: float) -> Step:
    """Do what has become possible."""
    if state.rounds_wanted is not None and state.rounds >= state.rounds_wanted and not state.leaving:
        # The next version is the first that can hold the last update.
        state, effects = _in_phase(_leave_with(state, (state.version or 0) + 1, at), "done")
        more: Step = _advance(state, at)
        return more[0], effects + more[1]
    if state.leaving:
        done = state.version is not None and state.version >= state.leave_at_version
        return state, [Leave()] if not _is_busy(state) and (done or at >= state.leave_by) else []
    if not (state.prepared and state.phase == "idle" and state.connected and state.coordinator is not None):
        return state, []
    # Repeated now and then: a broker may deliver the last will of an earlier connection after the announcement.
    forgotten = state.assigned is None and at >= state.announced_at + REANNOUNCE_SECONDS
    if not state.announced or forgotten:
        return replace(state, announced=True, announced_at=at), [SendReady()]
    # Assigned twice, after a connection that came and went? One training from a version is enough.
    if state.assigned is None or state.version is None or state.version < max(state.assigned, state.trained_from + 1):
        return state, []
    sequence = state.sequence + 1
    training, effects = _in_phase(replace(state, assigned=None, sequence=sequence, base=state.version), "training")
    return training, [*effects, Train(sequence)]


def _is_busy(state: State) -> bool:
    return state.phase == "training" or (state.phase == "preparing" and state.plan is not None)


def next_deadline(state: State) -> float:
    """Return when the client must look again if nothing happens, in Unix seconds; infinity for never."""
    deadlines = [float("inf")]
    heard = state.connected and state.coordinator is not None
    if state.outbox and heard:
        deadlines.append(state.sent_at + RESEND_SECONDS)
    if _lacks_something(state):
        deadlines.append(state.subscribed_at + RESUBSCRIBE_SECONDS)
    if state.prepared and state.phase == "idle" and heard and state.assigned is None and not state.leaving:
        deadlines.append(state.announced_at + REANNOUNCE_SECONDS)
    if state.leaving and not _is_busy(state):
        deadlines.append(state.leave_by)
    return min(deadlines)
