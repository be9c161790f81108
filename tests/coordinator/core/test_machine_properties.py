"""Properties of both cores: any sequence of events, however odd, leaves a state that makes sense.

Each machine is driven by rules, and beside it stands a plain book of what was asked and answered.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mfpt_coord.core import optimiser
from mfpt_coord.core.combine import combine
from mfpt_coord.core.effects import (
    LookUpDistances,
    PublishPrompt,
    SaveDistances,
    SaveFold,
    SavePrompt,
    SaveUpdate,
    Send,
)
from mfpt_coord.core.events import ClientSaid, DistancesFound, TimePassed, UpdateArrived
from mfpt_coord.core.events import Event as CoordinatorEvent
from mfpt_coord.core.machine import step as coordinator_step
from mfpt_coord.core.relations import pair
from mfpt_coord.core.schedule import fold_size, next_deadline, training
from mfpt_coord.core.state import State as CoordinatorState
from mfpt_coord.core.state import initial
from mfpt_edge.core import effects as edge_effects
from mfpt_edge.core import events as edge_events
from mfpt_edge.core.deadlines import next_deadline as edge_deadline
from mfpt_edge.core.machine import step as edge_step
from mfpt_edge.core.state import State as EdgeState
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol import messages
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    ClientState,
    EvaluationReport,
    Metrics,
    Ready,
    Reject,
    Resync,
    Stop,
    Tensors,
    Update,
    UpdateHeader,
)
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import Array, Quantised, dense, flatten, quantise, unflatten

FINGERPRINT = "sha256:" + "0" * 64
LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "eng"))
UNHEARD = LanguageCode("tam")
DEVICES = {"a": LANGUAGES[0], "b": LANGUAGES[0], "c": LANGUAGES[1], "d": LANGUAGES[1], "e": LANGUAGES[2]}
CLIENTS = st.sampled_from([*DEVICES])
PHASES = st.sampled_from(["idle", "preparing", "training", "uploading", "evaluating", "done"])
EXAMPLES = st.integers(0, 1000)
SCORES = st.none() | st.floats(0, 1)
METRICS = st.builds(Metrics, accuracy=SCORES, own_accuracy=SCORES, validated=st.integers(0, 10**6))
MEASURED = Metrics(loss=1.0, accuracy=0.5)
STATEFUL = settings(max_examples=60, stateful_step_count=40, deadline=None)


def federation(head_start: Any = "ridge", **aggregation: Any) -> Plan:
    return Plan(
        task=Task(labels=("a", "b")),
        backbone=BackboneSpec(width=2, layers=2, fingerprint=FINGERPRINT),
        prompt=PromptSpec(tokens=1),
        training=Training(head_start=head_start),
        aggregation=Aggregation(**aggregation),
    )


def parts(vector: Array, state: CoordinatorState, *, packed: bool) -> Tensors:
    arrays = unflatten(vector, state.layout)
    return {name: quantise(array) for name, array in arrays.items()} if packed else arrays


@dataclass
class Book:
    """What was asked of the coordinator and what it answered, kept apart from its state."""

    ready: set[str] = field(default_factory=set)
    accepted: list[tuple[str, int]] = field(default_factory=list)
    folded: list[tuple[str, int]] = field(default_factory=list)
    deltas: dict[tuple[str, int], Array] = field(default_factory=dict)
    prompts: dict[LanguageCode, Array] = field(default_factory=dict)
    moments: dict[LanguageCode, Array] = field(default_factory=dict)
    looked_up: list[frozenset[LanguageCode]] = field(default_factory=list)


class CoordinatorMachine(RuleBasedStateMachine):
    """Devices that behave and devices that do not, and a coordinator that has to stand it."""

    @initialize(
        buffer=st.integers(0, 4),
        concurrency=st.integers(1, 3),
        proximity=st.sampled_from(["auto", "auto", "fixed", "observed", "uniform"]),
        combination=st.sampled_from(["mean", "mean", "clip", "trimmed-mean", "median"]),
        kind=st.sampled_from(["sgd", "sgd", "momentum", "adam"]),
        head_start=st.sampled_from(["ridge", "zero"]),
        zero_shot=st.sampled_from([(), (UNHEARD,), (LANGUAGES[0], UNHEARD)]),
        last_version=st.none() | st.integers(1, 4),
    )
    def start(
        self,
        buffer: int,
        concurrency: int,
        proximity: str,
        combination: str,
        kind: str,
        head_start: str,
        zero_shot: tuple[LanguageCode, ...],
        last_version: int | None,
    ) -> None:
        plan = federation(
            head_start,
            buffer=buffer,
            concurrency=concurrency,
            proximity=proximity,
            combine=combination,
            optimiser=kind,
            zero_shot=zero_shot,
            max_staleness=2,
            fold_after=60.0,
        )
        self.state = replace(initial(plan), last_version=last_version)
        self.now = 1000.0
        self.book = Book(prompts=dict(self.state.prompts))

    def feed(self, event: CoordinatorEvent) -> list[Any]:
        before = self.state
        self.state, effects = coordinator_step(before, event)
        assert self.state.version >= before.version
        for effect in effects:
            self.keep_books(effect)
        return effects

    def keep_books(self, effect: object) -> None:
        match effect:
            case SaveUpdate(contribution, payload):
                key = (contribution.client, contribution.header.sequence)
                assert key not in self.book.accepted
                self.book.accepted.append(key)
                update = decode(CLIENT_UP, payload)
                assert isinstance(update, Update)
                self.book.deltas[key] = flatten(dense(update.delta), self.state.layout)
            case SavePrompt(language, _, vector):
                assert language not in self.book.prompts
                self.book.prompts[language] = vector
            case SaveFold():
                self.replay(effect)
            case SaveDistances(distances):
                assert distances.items() <= self.state.relations.distances.items()
            case LookUpDistances(languages):
                self.book.looked_up.append(languages)
            case PublishPrompt(language):
                assert language in self.state.prompts
            case Send(client, Assign(version=version)):
                assert client in self.book.ready
                assert version == self.state.version

    def replay(self, fold: SaveFold) -> None:
        """The weights and the deltas, which the store keeps, rebuild the prompts and the optimiser's memory."""
        assert fold.prompts.keys() == self.book.prompts.keys()
        plan = self.state.plan.aggregation
        deltas = np.stack([self.book.deltas[tuple(key)] for key in fold.updates])
        before = np.stack([self.book.prompts[language] for language in fold.prompts])
        nothing = np.zeros((optimiser.moment_count(plan), before.shape[1]), np.float32)
        moments = np.stack([self.book.moments.get(language, nothing) for language in fold.prompts])
        rebuilt, remembered = optimiser.apply(before, combine(fold.weights, deltas, plan), moments, plan)
        assert fold.moments.keys() == (fold.prompts.keys() if optimiser.moment_count(plan) else set())
        for row, (language, saved) in enumerate(fold.prompts.items()):
            size = 1 + np.abs(fold.weights[row]) @ np.abs(deltas) + np.abs(before[row])
            assert (np.abs(rebuilt[row] - saved) <= 1e-5 * size).all()
            self.book.prompts[language] = saved
            if language in fold.moments:
                assert np.allclose(remembered[row], fold.moments[language], rtol=1e-5)
                self.book.moments[language] = fold.moments[language]
        self.book.folded += [(client, sequence) for client, sequence in fold.updates]

    @rule(seconds=st.sampled_from([0.0, 1.0, 9.0, 30.0, 61.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(TimePassed(self.now))

    @rule(client=CLIENTS, examples=EXAMPLES)
    def ready(self, client: str, examples: int) -> None:
        if not self.state.finished:
            self.book.ready.add(client)
        plan = self.state.plan
        message = Ready(language=DEVICES[client], examples=examples, plan=plan.digest, backbone=FINGERPRINT)
        self.feed(ClientSaid(self.now, client, message))

    @rule(client=CLIENTS, plan_is_wrong=st.booleans())
    def ready_with_something_else(self, client: str, plan_is_wrong: bool) -> None:
        self.book.ready.discard(client)
        plan, backbone = ("x", FINGERPRINT) if plan_is_wrong else (self.state.plan.digest, "sha256:x")
        message = Ready(language=DEVICES[client], examples=9, plan=plan, backbone=backbone)
        effects = self.feed(ClientSaid(self.now, client, message))
        stops = [effect for effect in effects if isinstance(effect, Send) and isinstance(effect.message, Stop)]
        assert [stop.client for stop in stops if stop.message.reason == "incompatible"] == [client]

    @rule(client=CLIENTS, online=st.booleans(), phase=PHASES)
    def says_its_state(self, client: str, online: bool, phase: messages.Phase) -> None:
        if not online or phase == "done":
            self.book.ready.discard(client)
        message = ClientState(state="online" if online else "offline", language=DEVICES[client], phase=phase)
        self.feed(ClientSaid(self.now, client, message))

    @rule(client=CLIENTS, accuracy=st.floats(0, 1))
    def reports_an_evaluation(self, client: str, accuracy: float) -> None:
        message = EvaluationReport(language=DEVICES[client], version=0, accuracy=accuracy, examples=5)
        self.feed(ClientSaid(self.now, client, message))

    def send(
        self,
        client: str,
        sequence: int,
        base: int,
        delta: Tensors,
        examples: int = 10,
        metrics: Metrics = MEASURED,
        **wrong: str,
    ) -> Any:
        about = {"plan": self.state.plan.digest, "backbone": FINGERPRINT} | wrong
        header = UpdateHeader(
            sequence=sequence,
            language=DEVICES[client],
            base_version=base,
            examples=examples,
            metrics=metrics,
            **about,
        )
        update = Update(header, delta)
        effects = self.feed(UpdateArrived(self.now, client, update, encode(update)))
        answers = [
            effect.message
            for effect in effects
            if isinstance(effect, Send) and isinstance(effect.message, Ack | Reject | Resync)
        ]
        assert [answer.sequence for answer in answers] == [sequence]
        return answers[0]

    def next_sequence(self, client: str) -> int:
        return max([0, *(number for sender, number in self.book.accepted if sender == client)]) + 1

    @rule(
        client=CLIENTS,
        skipped=st.integers(0, 2),
        behind=st.integers(0, 5),
        values=st.lists(st.floats(-1000, 1000, width=32), min_size=8, max_size=8),
        packed=st.booleans(),
        examples=EXAMPLES,
        metrics=METRICS,
    )
    def sends_an_update(
        self,
        client: str,
        skipped: int,
        behind: int,
        values: list[float],
        packed: bool,
        examples: int,
        metrics: Metrics,
    ) -> None:
        base = max(0, self.state.version - behind)
        # Quantising may round a value up to the limit and beyond.
        delta = parts(np.array(values, np.float32) * np.float32(0.99), self.state, packed=packed)
        staleness = self.state.version - base
        answer = self.send(client, self.next_sequence(client) + skipped, base, delta, examples, metrics)
        late_head = base == 0 < staleness and self.state.plan.training.head_start == "ridge"
        if late_head or staleness > self.state.plan.aggregation.max_staleness:
            assert isinstance(answer, Resync)
        else:
            assert isinstance(answer, Ack)
            assert answer.staleness == staleness

    @precondition(lambda self: self.book.accepted)
    @rule(data=st.data())
    def sends_an_update_again(self, data: st.DataObject) -> None:
        client, sequence = data.draw(st.sampled_from(self.book.accepted))
        duplicates = self.state.counts.duplicate
        answer = self.send(client, sequence, 0, parts(np.ones(8, np.float32), self.state, packed=False))
        assert isinstance(answer, Ack)
        assert self.state.counts.duplicate == duplicates + 1

    @rule(
        client=CLIENTS,
        kind=st.sampled_from(["future", "plan", "backbone", "missing", "extra", "shape", "huge", "huge8", "none"]),
    )
    def sends_nonsense(self, client: str, kind: str) -> None:
        delta: dict[str, Any] = dict(parts(np.ones(8, np.float32), self.state, packed=False))
        base, wrong = self.state.version, {}
        match kind:
            case "future":
                base += 1
            case "plan" | "backbone":
                wrong = {kind: "other"}
            case "missing":
                del delta["head.bias"]
            case "extra":
                delta["extra"] = np.ones(1, np.float32)
            case "shape":
                delta["head.bias"] = np.ones(3, np.float32)
            case "huge":
                delta["head.bias"] = np.array([3e38, -3e38], np.float32)
            case "huge8":
                delta["head.bias"] = Quantised(np.array([127, -127], np.int8), np.array([1e36], np.float32))
            case "none":
                delta = {}
        answer = self.send(client, self.next_sequence(client), base, delta, **wrong)
        # A device that is ahead of a coordinator without memory starts again; all other nonsense is refused.
        assert isinstance(answer, Resync) if kind == "future" else isinstance(answer, Reject) and answer.detail

    @precondition(lambda self: self.book.looked_up)
    @rule(values=st.lists(st.none() | st.floats(0, 1), min_size=3, max_size=3))
    def distances_are_found(self, values: list[float | None]) -> None:
        languages = sorted(self.book.looked_up.pop(0))
        pairs = [pair(first, second) for first in languages for second in languages if first < second]
        found = {key: {"genetic": value} for key, value in zip(pairs, values, strict=False) if value is not None}
        self.feed(DistancesFound(self.now, frozenset(languages), found))

    @invariant()
    def prompts_are_finite_and_as_saved(self) -> None:
        assert UNDETERMINED in self.state.prompts
        assert self.state.prompts.keys() == self.book.prompts.keys()
        for language, prompt in self.state.prompts.items():
            assert prompt.dtype == np.float32
            assert np.isfinite(prompt).all()
            assert np.array_equal(prompt, self.book.prompts[language])

    @invariant()
    def the_buffer_is_never_full(self) -> None:
        """But for first heads in closed form, which wait for all who are at work."""
        first = self.state.version == 0 and self.state.plan.training.head_start == "ridge"
        waits = first and (self.state.joining or self.book.ready)
        assert len(self.state.buffer) < fold_size(self.state) or self.state.finished or waits

    @invariant()
    def what_updates_have_shown_is_finite_and_bounded(self) -> None:
        relations, spoken = self.state.relations, {update.language for update in self.state.buffer}
        heard = set(self.state.contributed) | spoken
        for two, (cosine, times, weight) in relations.comparisons.items():
            assert weight > 0
            assert two[0] < two[1]
            assert heard.issuperset(two)
            assert abs(cosine) <= 1 + 1e-5
            assert times > 0
        assert all(abs(errors) <= 3 * times + 1e-9 and times > 0 for errors, times in relations.judgements.values())
        assert heard.issuperset(relations.judgements)
        assert heard.issuperset(self.state.directions)
        assert all(np.isfinite(direction).all() for direction in self.state.directions.values())
        assert self.state.moments.keys() == self.book.moments.keys()
        assert all(np.isfinite(moments).all() for moments in self.state.moments.values())

    @invariant()
    def each_update_counts_once(self) -> None:
        waiting = [(update.client, update.header.sequence) for update in self.state.buffer]
        everywhere = self.book.folded + waiting
        assert len(everywhere) == len(set(everywhere))
        assert set(everywhere) == set(self.book.accepted)
        assert self.state.counts.accepted == len(self.book.accepted) == sum(self.state.staleness.values())

    @invariant()
    def no_more_devices_train_than_there_are_places(self) -> None:
        live = training(self.state, self.now)
        assert len(live) <= self.state.plan.aggregation.concurrency
        assert {client.id for client in live} <= self.book.ready

    @invariant()
    def it_ends_at_the_last_version(self) -> None:
        assert self.state.last_version is None or self.state.version <= self.state.last_version

    @invariant()
    def once_it_has_looked_it_need_not_look_again_at_once(self) -> None:
        """A deadline that stays in the past would keep the processor busy for nothing."""
        looked, _ = coordinator_step(self.state, TimePassed(self.now))
        assert next_deadline(looked, self.now) > self.now

    @invariant()
    def nobody_waits_for_a_prompt_in_vain(self) -> None:
        """A language without a prompt is being looked up."""
        wanted = frozenset().union(*self.book.looked_up)
        known = {client.language for client in self.state.clients.values() if client.id in self.book.ready}
        assert known <= self.state.prompts.keys() | wanted


TestCoordinator = CoordinatorMachine.TestCase
TestCoordinator.settings = STATEFUL

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
        header = messages.PromptHeader(language=LANGUAGES[0], version=version, plan=plan.digest, backbone=backbone)
        self.feed(edge_events.PromptReceived(self.now, messages.Prompt(header, {})))

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
