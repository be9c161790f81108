"""Properties of a device's core: any sequence of events, however odd, leaves a state that makes sense.

The machine is driven by rules, and beside it stands what its shell would know.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mfpt_edge.core import effects as edge_effects
from mfpt_edge.core import events as edge_events
from mfpt_edge.core.machine import next_deadline as edge_deadline
from mfpt_edge.core.machine import step as edge_step
from mfpt_edge.core.state import State as EdgeState
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol import messages
from mfpt_shared.protocol.messages import Ack, Assign, Reject, Resync, Stop

FINGERPRINT = "sha256:" + "0" * 64
LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "eng"))
STATEFUL = settings(max_examples=60, stateful_step_count=40, deadline=None)


def federation(head_start: Any = "ridge", **aggregation: Any) -> Plan:
    return Plan(
        task=Task(labels=("a", "b")),
        backbone=BackboneSpec(width=2, layers=2, fingerprint=FINGERPRINT),
        prompt=PromptSpec(tokens=1),
        training=Training(head_start=head_start),
        aggregation=Aggregation(**aggregation),
    )


PLAN = federation()
OTHER_PLAN = federation(buffer=7)


class EdgeMachine(RuleBasedStateMachine):
    """A coordinator that may say anything at any time, and a device's shell that does as its core wants."""

    @initialize(left_over=st.integers(0, 3), rounds=st.none() | st.integers(1, 3))
    def start(self, left_over: int, rounds: int | None) -> None:
        self.outbox = list(range(1, left_over + 1))
        self.state = EdgeState(
            LANGUAGES[0],
            rounds_wanted=rounds,
            outbox=tuple(self.outbox),
            sequence=left_over,
            first_sequence=left_over + 1,
        )
        self.now = 1000.0
        self.connected = self.preparing = self.prepared = self.ended = False
        self.in_training: int | None = None
        self.trained: list[int] = []

    def feed(self, event: edge_events.Event) -> list[edge_effects.Effect]:
        before = self.state
        self.state, effects = edge_step(before, event)
        if self.ended:
            assert (self.state, effects) == (before, [])
        for effect in effects:
            assert not self.ended or not isinstance(
                effect, edge_effects.Train | edge_effects.SendReady | edge_effects.Prepare
            ), f"{effect} after the end"
            self.do(effect, event)
        return effects

    def do(self, effect: edge_effects.Effect, event: edge_events.Event) -> None:
        match effect:
            case edge_effects.Prepare():
                assert not self.preparing and not self.prepared
                self.preparing = True
            case edge_effects.Train(sequence):
                assert self.prepared and self.connected
                assert self.in_training is None
                assert sequence > max([0, *self.outbox, *self.trained])
                self.in_training = sequence
                self.trained.append(sequence)
            case edge_effects.Forget(sequence):
                assert isinstance(event, edge_events.Told)
                assert isinstance(event.message, Ack | Reject | Resync)
                assert event.message.sequence == sequence
                self.outbox.remove(sequence)
            case edge_effects.SendUpdates(sequences):
                assert self.connected
                assert sequences
                assert list(sequences) == [waiting for waiting in self.outbox if waiting in sequences]
            case edge_effects.SendReady():
                assert self.prepared and self.connected
                assert self.in_training is None
            case edge_effects.Leave() | edge_effects.Refuse():
                self.ended = True

    @rule(seconds=st.sampled_from([0.0, 1.0, 31.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(edge_events.TimePassed(self.now))

    @rule()
    def connects(self) -> None:
        self.connected = True
        self.feed(edge_events.BrokerConnected(self.now))

    @rule()
    def loses_the_broker(self) -> None:
        self.connected = False
        self.feed(edge_events.BrokerLost(self.now))

    @precondition(lambda self: self.connected)
    @rule(online=st.booleans(), started=st.sampled_from([5.0, 6.0]))
    def sees_a_coordinator(self, online: bool, started: float) -> None:
        message = messages.CoordinatorState(
            state="online" if online else "offline", coordinator="c", version=0, started=started
        )
        self.feed(edge_events.CoordinatorSeen(self.now, message))

    @precondition(lambda self: self.connected)
    @rule(other=st.sampled_from([False] * 9 + [True]))
    def receives_a_plan(self, other: bool) -> None:
        self.feed(edge_events.PlanReceived(self.now, OTHER_PLAN if other else PLAN))

    @precondition(lambda self: self.connected)
    @rule(version=st.integers(0, 5), kind=st.sampled_from(["good"] * 9 + ["plan", "backbone"]))
    def receives_a_prompt(self, version: int, kind: str) -> None:
        plan = OTHER_PLAN if kind == "plan" else PLAN
        backbone = "sha256:x" if kind == "backbone" else FINGERPRINT
        self.feed(edge_events.PromptReceived(self.now, version, plan.digest, backbone))

    @precondition(lambda self: self.preparing)
    @rule()
    def has_prepared(self) -> None:
        self.preparing, self.prepared = False, True
        self.feed(edge_events.Prepared(self.now))

    @precondition(lambda self: self.in_training is not None)
    @rule()
    def has_trained(self) -> None:
        assert self.in_training is not None
        sequence, self.in_training = self.in_training, None
        # One that was cancelled when it was done already waits on disk for the next run.
        if not self.ended and self.state.phase == "training":
            self.outbox.append(sequence)
        self.feed(edge_events.Trained(self.now, sequence))

    @precondition(lambda self: self.in_training is not None)
    @rule()
    def has_failed_to_train(self) -> None:
        self.in_training = None
        self.feed(edge_events.TrainingFailed(self.now, "diverged"))

    @precondition(lambda self: self.connected)
    @rule(version=st.integers(0, 5))
    def is_assigned(self, version: int) -> None:
        self.feed(edge_events.Told(self.now, Assign(version=version, deadline=60.0)))

    @precondition(lambda self: self.connected)
    @rule(
        sequence=st.integers(1, 6),
        answer=st.sampled_from(["ack", "ack", "resync", "diverged", "incompatible"]),
    )
    def is_answered(self, sequence: int, answer: str) -> None:
        message: Ack | Resync | Reject
        if answer == "ack":
            message = Ack(sequence=sequence)
        elif answer == "resync":
            message = Resync(sequence=sequence, version=3)
        else:
            reason = "diverged" if answer == "diverged" else "incompatible"
            message = Reject(sequence=sequence, reason=reason, detail="no")  # type: ignore[arg-type]
        self.feed(edge_events.Told(self.now, message))

    @precondition(lambda self: self.connected)
    @rule(incompatible=st.sampled_from([False, False, True]), version=st.integers(0, 5))
    def is_stopped(self, incompatible: bool, version: int) -> None:
        reason = "incompatible" if incompatible else "finished"
        self.feed(edge_events.Told(self.now, Stop(reason=reason, version=version, detail="no")))  # type: ignore[arg-type]

    @invariant()
    def the_outbox_is_what_was_not_answered(self) -> None:
        assert list(self.state.outbox) == self.outbox

    @invariant()
    def once_it_has_looked_it_need_not_look_again_at_once(self) -> None:
        """A deadline that stays in the past would keep the processor busy for nothing."""
        looked, _ = edge_step(self.state, edge_events.TimePassed(self.now))
        assert looked.ended or edge_deadline(looked) > self.now

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
        self.receives_a_prompt(version=0, kind="good")
        self.sees_a_coordinator(online=True, started=5.0)
        self.has_prepared()


TestEdge = EdgeMachine.TestCase
TestEdge.settings = STATEFUL
TestLivelyEdge = LivelyEdgeMachine.TestCase
TestLivelyEdge.settings = STATEFUL
