"""The edge client's core: `step(state, event) -> (state, effects)`.

`_record` says what an event changed, `_advance` what to do next: announce the device, train, send, leave. The same
few rules recover from every interruption: the outbox is sent again whenever a coordinator comes online, and an idle
device that the coordinator does not know announces itself.
"""

from dataclasses import replace
from functools import singledispatch
from typing import Final

from mfpt_edge.core.answers import acknowledged, disbanded, rejected, resynced, with_number
from mfpt_edge.core.asking import ask, given, is_at_hand, knowing, needed_version
from mfpt_edge.core.deadlines import (
    REANNOUNCE_SECONDS,
    RESEND_SECONDS,
    lacks_news,
    look_again_at,
    waiting,
    waits_for_acknowledgement,
)
from mfpt_edge.core.effects import (
    Effect,
    Exclude,
    KeepPrompt,
    Leave,
    NoteSession,
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
    ConditionsChanged,
    CoordinatorSeen,
    Event,
    NotSubscribed,
    PlanReceived,
    Prepared,
    ProgressSeen,
    PromptReceived,
    RelationsSeen,
    TimePassed,
    Told,
    Trained,
    TrainingFailed,
)
from mfpt_edge.core.leaving import finish, in_phase, told_it_is_over, told_to_finish
from mfpt_edge.core.plans import follow
from mfpt_edge.core.state import State
from mfpt_shared.protocol.messages import Ack, Assign, Disband, Reject, Resync, Stop

MAX_FAILURES: Final = 3
"""Failed trainings in a row after which the device gives up."""

Step = tuple[State, list[Effect]]


def step(state: State, event: Event) -> Step:
    """Return the state after an event, and what it calls for, in order."""
    if state.ended:
        return state, []
    recorded, effects = _record(event, state)
    if any(isinstance(effect, Refuse | Exclude) for effect in effects):
        return replace(recorded, ended=True), effects
    advanced, more = _advance(recorded, event.at)
    if any(isinstance(effect, Leave) for effect in more):
        return replace(advanced, ended=True), effects + more
    asking, asks = ask(advanced, event.at)
    return asking, effects + more + asks


@singledispatch
def _record(event: Event, state: State) -> Step:
    raise TypeError(f"{type(event).__name__} is not an event")


@_record.register
def _(event: TimePassed, state: State) -> Step:
    effects: list[Effect] = []
    if waits_for_acknowledgement(state) and event.at >= state.sent_at + RESEND_SECONDS:
        state = replace(state, sent_at=event.at)
        effects.append(SendUpdates(state.outbox))
    if lacks_news(state) and event.at >= look_again_at(state):
        # What it was told while it did not hear is lost: it is told again in answer to an announcement.
        known = state.announced and not state.refused
        state = replace(state, waiting_since=event.at, looks=state.looks + 1, announced=known)
        effects.append(Subscribe())
    return state, effects


@_record.register
def _(event: ProgressSeen | RelationsSeen, state: State) -> Step:
    return state, []


@_record.register
def _(event: ConditionsChanged, state: State) -> Step:
    # An assignment that was not begun is let go: after a long wait there are newer versions to train from.
    waits = replace(state, against=event.against)
    return waits if state.phase == "training" else replace(waits, announced=False, assigned=None), []


@_record.register
def _(event: BrokerConnected, state: State) -> Step:
    # The coordinator's retained state follows; until it comes, nobody is known to listen.
    fresh = replace(state, connected=True, refused=False, coordinator=None, announced=False, asked=0)
    return waiting(fresh, event.at), [Subscribe(), PublishState(at_once=True)]


@_record.register
def _(event: BrokerLost, state: State) -> Step:
    gone = replace(state, connected=False, coordinator=None, announced=False, assigned=None, asked=0, over_since=None)
    return gone, []


@_record.register
def _(event: NotSubscribed, state: State) -> Step:
    return waiting(replace(state, refused=True), event.at), []


@_record.register
def _(event: CoordinatorSeen, state: State) -> Step:
    if event.message.state == "offline":
        if event.message.finished:
            return told_it_is_over(state, event.message.version, event.at), []
        if state.coordinator is None:
            return state, []
        gone = replace(state, coordinator=None, announced=False, assigned=None)
        return waiting(gone, event.at), [Tell("the coordinator went offline; waiting")]
    state = replace(state, over_since=None)
    epoch, version = event.message.epoch, event.message.version
    if epoch == state.coordinator:
        return knowing(state, version), []
    seen = replace(state, coordinator=epoch, announced=False, assigned=None, sent_at=event.at)
    seen = replace(seen, trained_from=-1, published=version)  # it may have lost its database, and be at a lower version
    return seen, [SendUpdates(state.outbox)] if waits_for_acknowledgement(seen) else []


@_record.register
def _(event: PlanReceived, state: State) -> Step:
    return follow(state, event.plan, event.at)


@_record.register
def _(event: PromptReceived, state: State) -> Step:
    plan, header = state.plan, event.prompt.header
    if plan is None or header.plan != plan.digest:
        return state, []  # left over from an earlier plan of the same federation; the right one follows
    if plan.backbone.fingerprint and header.backbone != plan.backbone.fingerprint:
        return state, [
            Refuse(f"the prompt was made for backbone {header.backbone}, this device has {plan.backbone.fingerprint}")
        ]
    if state.version is not None and (header.epoch, header.version) < (state.epoch, state.version):
        return state, []  # an older one, overtaken on its way
    return given(state, header, event.at), [KeepPrompt(event.prompt)]


@_record.register
def _(event: Prepared, state: State) -> Step:
    # Under masks an update waits for others: to train from its version again meanwhile would be in vain.
    waits = bool(state.outbox) and state.is_masked
    return in_phase(replace(state, prepared=True, last_number=event.last_number), "uploading" if waits else "idle")


@_record.register
def _(event: Trained, state: State) -> Step:
    if state.phase != "training":
        return state, []  # it ended just before it was cancelled; its update stays in the outbox for the next run
    done = replace(state, outbox=(*state.outbox, event.sequence), sent_at=event.at, failures=0)
    trained, effects = in_phase(replace(done, trained_from=state.base), "uploading")
    if event.sequence < state.sequence:
        # Meanwhile another one was given a higher number, and a lower one than that is not taken any more.
        trained, more = with_number(trained, event.sequence, state.sequence + 1)
        effects += more
    return trained, [*effects, SendUpdates(trained.outbox)] if state.coordinator is not None else effects


@_record.register
def _(event: TrainingFailed, state: State) -> Step:
    failures = state.failures + 1
    if failures >= MAX_FAILURES:
        return state, [Refuse(f"training failed {failures} times in a row: {event.reason}")]
    # Only a device that announces itself is assigned again.
    idle, effects = in_phase(replace(state, announced=False, failures=failures), "idle")
    return idle, [*effects, Tell(f"this round failed and is skipped: {event.reason}")]


@_record.register
def _(event: Told, state: State) -> Step:  # noqa: PLR0911 - one case for each message
    state = knowing(replace(state, refused=False), event.message.version)
    match event.message:
        case Assign(version=version):
            busy = state.is_done or state.phase == "training"
            return (state, []) if busy else (waiting(replace(state, assigned=version), event.at), [])
        case Ack() as answer:
            return acknowledged(state, answer)
        case Reject() as answer:
            return rejected(state, answer)
        case Resync() as answer:
            return resynced(state, answer, event.at)
        case Disband(sequence=sequence, detail=detail):
            return disbanded(state, sequence, detail)
        case Stop(reason="finished", version=version):
            return told_to_finish(state, version, event.at)
        case Stop(reason="revoked", detail=detail):
            return state, [Exclude(f"this device is no longer admitted{detail and f': {detail}'}")]
        case Stop(detail=detail, newest=newest) if newest:
            return state, [NoteSession(newest), Refuse(detail)]
        case Stop(detail=detail):
            return state, [Refuse(f"the coordinator turned this device away: {detail}")]


def _advance(state: State, at: float) -> Step:
    """Do what has become possible."""
    state, effects = finish(state, at)
    if state.is_done:
        return state, effects
    if state.against or not (
        state.prepared and state.phase == "idle" and state.connected and state.coordinator is not None
    ):
        return state, []
    # Repeated now and then: a broker may publish the last will of an earlier connection after the announcement.
    forgotten = state.assigned is None and at >= state.announced_at + REANNOUNCE_SECONDS
    if not state.announced or forgotten:
        return replace(state, announced=True, announced_at=at), [SendReady()]
    needed = needed_version(state)
    if state.assigned is None or state.version is None or needed is None or not is_at_hand(state, needed):
        return state, []
    sequence = state.sequence + 1
    training, effects = in_phase(replace(state, assigned=None, sequence=sequence, base=state.version), "training")
    return training, [*effects, Train(sequence)]
