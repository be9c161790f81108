"""Properties of a device's core: any sequence of events, however odd, leaves a state that makes sense.

Rules drive the core with random events, and keep a record of what its session would know.
"""

from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mfpt_edge.core.deadlines import next_deadline
from mfpt_edge.core.effects import (
    AskForPrompt,
    Effect,
    Forget,
    KeepPrompt,
    Leave,
    Prepare,
    Refuse,
    Renumber,
    SendReady,
    SendUpdates,
    StopAsking,
    Subscribe,
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
    PromptReceived,
    TimePassed,
    Told,
    Trained,
    TrainingFailed,
)
from mfpt_edge.core.machine import step
from mfpt_edge.core.state import State
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Ack, Assign, CoordinatorState, Reject, Resync, Stop
from support.edge_core import FINGERPRINT, OTHER_PLAN, PLAN, prompt_of

STATEFUL = settings(max_examples=60, stateful_step_count=40)


class EdgeMachine(RuleBasedStateMachine):
    """A coordinator that may say anything at any time, and a session that does what the core wants."""

    @initialize(left_over=st.integers(0, 3), rounds=st.none() | st.integers(1, 3))
    def start(self, left_over: int, rounds: int | None) -> None:
        self.outbox = list(range(1, left_over + 1))
        self.state = State(
            LanguageCode("swh"),
            rounds_wanted=rounds,
            outbox=tuple(self.outbox),
            sequence=left_over,
            left_over=frozenset(self.outbox),
        )
        self.now = 1000.0
        self.connected = self.preparing = self.prepared = self.ended = self.asking = False
        self.in_training: int | None = None
        self.trained: list[int] = []

    def feed(self, event: Event) -> list[Effect]:
        before = self.state
        self.state, effects = step(before, event)
        if self.ended:
            assert (self.state, effects) == (before, [])
        for effect in effects:
            assert not self.ended or not isinstance(effect, Train | SendReady | Prepare), f"{effect} after the end"
            self.do(effect, event)
        return effects

    def do(self, effect: Effect, event: Event) -> None:
        match effect:
            case Prepare():
                assert not self.preparing and not self.prepared
                self.preparing = True
            case KeepPrompt(prompt):
                assert prompt.header.version == self.state.version
            case Train(sequence):
                assert self.prepared and self.connected and not self.state.against
                assert self.in_training is None
                assert sequence > max([0, *self.outbox, *self.trained])
                self.in_training = sequence
                self.trained.append(sequence)
            case Forget(sequence):
                assert isinstance(event, Told)
                assert isinstance(event.message, Ack | Reject | Resync)
                assert event.message.sequence == sequence
                self.outbox.remove(sequence)
            case Renumber(sequence, new):
                assert new > max([*self.outbox, *self.trained])
                self.outbox.remove(sequence)
                self.outbox.append(new)
            case SendUpdates(sequences):
                assert self.connected
                assert sequences
                assert list(sequences) == [waiting for waiting in self.outbox if waiting in sequences]
            case AskForPrompt():
                assert self.connected
                self.asking = True
            case StopAsking():
                assert self.asking
                self.asking = False
            case Subscribe():
                assert self.connected
            case SendReady():
                assert self.prepared and self.connected and not self.state.against
                assert self.in_training is None
            case Leave() | Refuse():
                self.ended = True

    @rule(seconds=st.sampled_from([0.0, 1.0, 31.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(TimePassed(self.now))

    @rule(against=st.sampled_from(["", "its owner has paused it"]))
    def may_train_or_not(self, against: str) -> None:
        self.feed(ConditionsChanged(self.now, against))

    @rule()
    def connects(self) -> None:
        self.connected, self.asking = True, False
        self.feed(BrokerConnected(self.now))

    @rule()
    def loses_the_broker(self) -> None:
        self.connected = self.asking = False
        self.feed(BrokerLost(self.now))

    @precondition(lambda self: self.connected)
    @rule()
    def is_refused_a_subscription(self) -> None:
        self.feed(NotSubscribed(self.now))

    @precondition(lambda self: self.connected)
    @rule(online=st.booleans(), epoch=st.sampled_from([5, 6]))
    def sees_a_coordinator(self, online: bool, epoch: int) -> None:
        state: Literal["online", "offline"] = "online" if online else "offline"
        message = CoordinatorState(state=state, coordinator="c", version=0, started=1.0, epoch=epoch)
        self.feed(CoordinatorSeen(self.now, message))

    @precondition(lambda self: self.connected)
    @rule(other=st.sampled_from([False] * 9 + [True]))
    def receives_a_plan(self, other: bool) -> None:
        self.feed(PlanReceived(self.now, OTHER_PLAN if other else PLAN))

    @precondition(lambda self: self.connected)
    @rule(
        version=st.integers(0, 5),
        epoch=st.sampled_from([5, 6]),
        kind=st.sampled_from(["good"] * 9 + ["plan", "backbone"]),
    )
    def receives_a_prompt(self, version: int, epoch: int, kind: str) -> None:
        plan = OTHER_PLAN if kind == "plan" else PLAN
        backbone = "sha256:x" if kind == "backbone" else FINGERPRINT
        self.feed(PromptReceived(self.now, prompt_of(version, plan.digest, backbone, epoch)))

    @precondition(lambda self: self.preparing)
    @rule()
    def has_prepared(self) -> None:
        self.preparing, self.prepared = False, True
        self.feed(Prepared(self.now))

    @precondition(lambda self: self.in_training is not None)
    @rule()
    def has_trained(self) -> None:
        assert self.in_training is not None
        sequence, self.in_training = self.in_training, None
        # One that ended just before it was cancelled waits on disk for the next run.
        if not self.ended and self.state.phase == "training":
            self.outbox.append(sequence)
        self.feed(Trained(self.now, sequence))

    @precondition(lambda self: self.in_training is not None)
    @rule()
    def has_failed_to_train(self) -> None:
        self.in_training = None
        self.feed(TrainingFailed(self.now, "diverged"))

    @precondition(lambda self: self.connected)
    @rule(version=st.integers(0, 5))
    def is_assigned(self, version: int) -> None:
        self.feed(Told(self.now, Assign(version=version, deadline=60.0)))

    @precondition(lambda self: self.connected)
    @rule(
        sequence=st.integers(1, 6),
        answer=st.sampled_from(["ack", "ack", "late ack", "resync", "used number", "diverged", "incompatible"]),
    )
    def is_answered(self, sequence: int, answer: str) -> None:
        message: Ack | Resync | Reject
        if answer.endswith("ack"):
            message = Ack(sequence=sequence, staleness=2 if answer == "late ack" else 0)
        elif answer == "resync":
            message = Resync(sequence=sequence, version=3)
        elif answer == "used number":
            message = Resync(sequence=sequence, version=3, highest=sequence + 2)
        else:
            reason: Literal["diverged", "incompatible"] = "diverged" if answer == "diverged" else "incompatible"
            message = Reject(sequence=sequence, reason=reason, detail="no")
        self.feed(Told(self.now, message))

    @precondition(lambda self: self.connected)
    @rule(incompatible=st.sampled_from([False, False, True]), version=st.integers(0, 5))
    def is_stopped(self, incompatible: bool, version: int) -> None:
        reason: Literal["incompatible", "finished"] = "incompatible" if incompatible else "finished"
        self.feed(Told(self.now, Stop(reason=reason, version=version, detail="no")))

    @invariant()
    def the_outbox_is_what_was_not_answered(self) -> None:
        assert list(self.state.outbox) == self.outbox

    @invariant()
    def once_it_has_looked_it_need_not_look_again_at_once(self) -> None:
        """A deadline that stays in the past would keep the processor busy for nothing."""
        looked, _ = step(self.state, TimePassed(self.now))
        assert looked.ended or next_deadline(looked) > self.now

    @invariant()
    def it_listens_to_prompts_while_it_asks_for_one(self) -> None:
        assert self.ended or (self.state.asked > 0) is self.asking

    @invariant()
    def it_says_that_it_has_ended(self) -> None:
        assert self.state.ended is self.ended


class LivelyEdgeMachine(EdgeMachine):
    """The same, past the beginning: connected, prepared, announced."""

    @initialize(left_over=st.integers(0, 2), rounds=st.none() | st.integers(1, 3))
    def start(self, left_over: int, rounds: int | None) -> None:
        EdgeMachine.start(self, left_over, rounds)
        self.connects()
        self.receives_a_plan(other=False)
        self.receives_a_prompt(version=0, epoch=5, kind="good")
        self.sees_a_coordinator(online=True, epoch=5)
        self.has_prepared()


TestEdge = EdgeMachine.TestCase
TestEdge.settings = STATEFUL
TestLivelyEdge = LivelyEdgeMachine.TestCase
TestLivelyEdge.settings = STATEFUL
