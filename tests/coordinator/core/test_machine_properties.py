"""Properties of the coordinator's core: any sequence of events, however odd, leaves a state that makes sense.

The machine is driven by rules, and beside it stands a plain book of what was asked and answered.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from mfpt_coord.core.effects import Send
from mfpt_coord.core.events import ClientSaid, DistancesFound, RolledBack, TimePassed, UpdateArrived
from mfpt_coord.core.relations import pair
from mfpt_coord.core.state import State as CoordinatorState
from mfpt_coord.core.state import initial
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol import messages
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import (
    Ack,
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
from mfpt_shared.tensors import Array, Quantised, quantise, unflatten
from support.coordinator_core import with_grant
from support.coordinator_machine import Book, CoordinatorInvariants

FINGERPRINT = "sha256:" + "0" * 64
LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "eng"))
UNHEARD = LanguageCode("tam")
DEVICES = {"a": LANGUAGES[0], "b": LANGUAGES[0], "c": LANGUAGES[1], "d": LANGUAGES[1], "e": LANGUAGES[2]}
CLIENTS = st.sampled_from([*DEVICES])
PHASES = st.sampled_from(["idle", "preparing", "training", "uploading", "evaluating", "done"])
EXAMPLES = st.integers(0, 1000)
SCORES = st.none() | st.floats(0, 1)
METRICS = st.builds(Metrics, accuracy=SCORES, own_share=SCORES, validated=st.integers(0, 10**6))
MEASURED = Metrics(loss=1.0, accuracy=0.5)
STATEFUL = settings(max_examples=60, stateful_step_count=40)


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


class CoordinatorMachine(CoordinatorInvariants):
    """Devices that behave, devices that do not, and a coordinator that has to cope with both."""

    @initialize(
        buffer=st.integers(0, 4),
        start_together=st.sampled_from([0, 0, 2]),
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
        start_together: int,
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
            start_together=start_together,
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
        refused = [
            effect.client
            for effect in effects
            if isinstance(effect, Send) and isinstance(effect.message, Stop) and effect.message.reason == "incompatible"
        ]
        assert refused == [client]

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
        *,
        plan: str | None = None,
        backbone: str = FINGERPRINT,
        assigned: bool = True,
    ) -> Ack | Reject | Resync:
        if assigned:
            self.state = with_grant(self.state, client, DEVICES[client], base)
        header = UpdateHeader(
            sequence=sequence,
            language=DEVICES[client],
            base_version=base,
            examples=examples,
            metrics=metrics,
            plan=self.state.plan.digest if plan is None else plan,
            backbone=backbone,
        )
        return self.arrives(client, Update(header, delta), encode(Update(header, delta)))

    def arrives(self, client: str, update: Update, payload: bytes) -> Ack | Reject | Resync:
        sequence = update.header.sequence
        is_stored = self.book.payloads.get((client, sequence)) == payload
        effects = self.feed(UpdateArrived(self.now, client, update, payload, is_stored=is_stored))
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

    @rule(client=CLIENTS, behind=st.integers(0, 3))
    def sends_what_it_was_not_asked_for(self, client: str, behind: int) -> None:
        base = max(0, self.state.version - behind)
        granted = self.state.clients[client].grants if client in self.state.clients else ()
        ones = parts(np.ones(8, np.float32), self.state, packed=False)
        answer = self.send(client, self.next_sequence(client), base, ones, assigned=False)
        assert not isinstance(answer, Ack) or any(version <= base for version in granted)

    @precondition(lambda self: self.book.accepted)
    @rule(data=st.data())
    def sends_an_update_again(self, data: st.DataObject) -> None:
        client, sequence = data.draw(st.sampled_from(self.book.accepted))
        duplicates, payload = self.state.counts.duplicate, self.book.payloads[client, sequence]
        update = decode(CLIENT_UP, payload)
        assert isinstance(update, Update)
        assert isinstance(self.arrives(client, update, payload), Ack)
        assert self.state.counts.duplicate == duplicates + 1

    @precondition(lambda self: self.book.accepted)
    @rule(data=st.data())
    def sends_another_update_under_a_number_that_was_used(self, data: st.DataObject) -> None:
        """As a device does that was restored from an older copy: nothing is acknowledged that was not stored."""
        client, sequence = data.draw(st.sampled_from(self.book.accepted))
        other = parts(np.full(8, 0.125, np.float32), self.state, packed=False)
        answer = self.send(client, data.draw(st.integers(1, sequence)), 0, other, examples=777)
        assert isinstance(answer, Resync)
        assert answer.highest == self.next_sequence(client) - 1

    @rule(
        client=CLIENTS,
        kind=st.sampled_from(["future", "plan", "backbone", "missing", "extra", "shape", "huge", "huge8", "none"]),
    )
    def sends_nonsense(self, client: str, kind: str) -> None:
        delta: dict[str, Any] = dict(parts(np.ones(8, np.float32), self.state, packed=False))
        base, plan, backbone = self.state.version, self.state.plan.digest, FINGERPRINT
        match kind:
            case "future":
                base += 1
            case "plan":
                plan = "other"
            case "backbone":
                backbone = "other"
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
        answer = self.send(client, self.next_sequence(client), base, delta, plan=plan, backbone=backbone)
        # A device that is ahead of a coordinator that lost its state starts again; other nonsense is rejected.
        assert isinstance(answer, Resync) if kind == "future" else isinstance(answer, Reject) and answer.detail

    @precondition(lambda self: self.book.looked_up)
    @rule(values=st.lists(st.none() | st.floats(0, 1), min_size=3, max_size=3))
    def distances_are_found(self, values: list[float | None]) -> None:
        languages = sorted(self.book.looked_up.pop(0))
        pairs = [pair(first, second) for first in languages for second in languages if first < second]
        found = {key: {"genetic": value} for key, value in zip(pairs, values, strict=False) if value is not None}
        self.feed(DistancesFound(self.now, frozenset(languages), found))

    @precondition(lambda self: self.state.version > 0)
    @rule(data=st.data())
    def the_operator_goes_back(self, data: st.DataObject) -> None:
        language, version = data.draw(st.sampled_from(sorted(self.state.prompts))), self.state.version
        self.feed(RolledBack(self.now, {language: (0, np.full(8, 0.25, np.float32))}))
        assert self.state.version > version


TestCoordinator = CoordinatorMachine.TestCase
TestCoordinator.settings = STATEFUL
