"""The coordinator's core, by what a user would see of it."""

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pytest

from mfpt_coord.core.effects import (
    Effect,
    Log,
    LookUpDistances,
    PublishPrompt,
    PublishState,
    SaveClient,
    SaveCounts,
    SaveDistances,
    SaveFold,
    SavePrompt,
    SaveUpdate,
    Send,
)
from mfpt_coord.core.events import ClientSaid, DistancesFound, Event, TimePassed, UpdateArrived
from mfpt_coord.core.machine import step
from mfpt_coord.core.relations import Judgement, pair
from mfpt_coord.core.schedule import QUIET_SECONDS, next_deadline
from mfpt_coord.core.state import initial
from mfpt_coord.core.status import summarise
from mfpt_coord.core.updates import REFUSED_SECONDS
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    ClientState,
    Down,
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
from mfpt_shared.tensors import Array, unflatten

FINGERPRINT = "sha256:" + "0" * 64
SWAHILI, ZULU, ENGLISH = LanguageCode("swh"), LanguageCode("zul"), LanguageCode("eng")
DownT = TypeVar("DownT", bound=Down)
EffectT = TypeVar("EffectT", bound=Effect)


class Federation:
    """A coordinator's core with a clock that the test moves."""

    def __init__(self, last_version: int | None = None, head_start: Any = "zero", **aggregation: Any) -> None:
        plan = Plan(
            task=Task(labels=("a", "b")),
            backbone=BackboneSpec(width=2, layers=2, fingerprint=FINGERPRINT),
            prompt=PromptSpec(tokens=1),
            training=Training(head_start=head_start),
            aggregation=Aggregation(**{"buffer": 2, "concurrency": 10, "fold_after": 600.0} | aggregation),
        )
        self.state = replace(initial(plan), last_version=last_version)
        self.now = 1000.0
        self.effects: list[Effect] = []

    def feed(self, event: Event) -> None:
        self.state, self.effects = step(self.state, event)

    def ready(self, client: str, language: LanguageCode = SWAHILI, examples: int = 10, **wrong: str) -> None:
        about = {"plan": self.state.plan.digest, "backbone": FINGERPRINT} | wrong
        self.feed(ClientSaid(self.now, client, Ready(language=language, examples=examples, **about)))

    def says(self, client: str, state: Any = "online", language: LanguageCode = SWAHILI, **more: Any) -> None:
        self.feed(ClientSaid(self.now, client, ClientState(state=state, language=language, **more)))

    def update(
        self,
        client: str,
        sequence: int = 1,
        language: LanguageCode = SWAHILI,
        base: int | None = None,
        delta: Array | float = 0.5,
        tensors: Tensors | None = None,
        **header: Any,
    ) -> None:
        about: dict[str, Any] = {
            "examples": 10,
            "plan": self.state.plan.digest,
            "backbone": FINGERPRINT,
            "base_version": self.state.version if base is None else base,
        }
        vector = np.full(8, delta, np.float32)
        message = Update(
            UpdateHeader(sequence=sequence, language=language, **about | header),
            tensors if tensors is not None else unflatten(vector, self.state.layout),
        )
        self.feed(UpdateArrived(self.now, client, message, encode(message)))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(TimePassed(self.now))

    def finds(self, languages: set[LanguageCode], **genetic: float) -> None:
        """Distances between `swh` and the languages that are given by name."""
        found = {pair(SWAHILI, LanguageCode(other)): {"genetic": value} for other, value in genetic.items()}
        self.feed(DistancesFound(self.now, languages, found))

    def told(self, client: str) -> list[Down]:
        return [effect.message for effect in self.effects if isinstance(effect, Send) and effect.client == client]

    def only(self, kind: type[EffectT]) -> list[EffectT]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def has_fold(self) -> bool:
        return bool(self.only(SaveFold))


def test_the_first_device_gets_a_prompt_for_its_language_and_an_assignment() -> None:
    federation = Federation()
    federation.ready("a")
    assert federation.told("a") == [Assign(version=0, deadline=600.0)]
    assert [effect.language for effect in federation.only(PublishPrompt)] == [SWAHILI]
    assert np.array_equal(federation.state.prompts[SWAHILI], federation.state.prompts[UNDETERMINED])


def test_a_prompt_is_saved_and_published_before_anybody_is_assigned_to_it() -> None:
    federation = Federation()
    federation.ready("a")
    kinds = [type(effect) for effect in federation.effects]
    assert kinds.index(SavePrompt) < kinds.index(PublishPrompt) < kinds.index(Send)


def test_an_update_is_acknowledged_with_its_staleness_and_kept() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.ready("b")
    federation.update("a")
    federation.update("b", base=0)
    assert Ack(sequence=1, staleness=1) in federation.told("b")
    (saved,) = federation.only(SaveUpdate)
    assert (saved.contribution.client, saved.contribution.header.sequence) == ("b", 1)
    assert federation.state.counts.accepted == 2
    assert federation.state.staleness == {0: 1, 1: 1}


def test_an_update_is_saved_before_it_is_acknowledged() -> None:
    federation = Federation()
    federation.ready("a")
    federation.update("a")
    kinds = [type(effect) for effect in federation.effects]
    assert kinds.index(SaveUpdate) < kinds.index(Send)


def test_a_full_buffer_becomes_a_version_of_every_prompt() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    assert not federation.has_fold()
    federation.update("b", language=ZULU)
    (fold,) = federation.only(SaveFold)
    assert (fold.version, list(fold.updates)) == (1, [("a", 1), ("b", 1)])
    assert set(fold.prompts) == {SWAHILI, ZULU, UNDETERMINED}
    assert {effect.language for effect in federation.only(PublishPrompt)} == {SWAHILI, ZULU, UNDETERMINED}
    assert federation.state.buffer == ()


def test_a_new_version_is_announced_after_its_prompts_and_before_anybody_is_assigned_to_it() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", metrics=Metrics(accuracy=0.75))
    kinds = [type(effect) for effect in federation.effects]
    assert kinds.index(PublishPrompt) < kinds.index(PublishState) < len(kinds) - 1
    assert isinstance(federation.told("a")[-1], Assign)
    assert [line.text for line in federation.only(Log) if not line.is_detail] == [
        "version 1 from 1 updates: validation accuracy swh 0.750"
    ]


def test_updates_that_agree_move_the_prompt_by_what_they_agree_on() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    before = federation.state.prompts[SWAHILI]
    federation.update("a", delta=0.5)
    federation.update("b", language=ZULU, delta=0.5)
    for prompt in federation.state.prompts.values():
        assert prompt == pytest.approx(before + 0.5)


def test_a_buffer_is_folded_at_its_deadline() -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.passes(30)
    federation.update("a")
    # A device took 30 seconds, so the buffer waits for three times as long.
    federation.passes(89)
    assert not federation.has_fold()
    federation.passes(1)
    assert federation.has_fold()


def test_a_buffer_is_folded_when_nobody_else_could_add_to_it() -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.update("a")
    assert federation.told("a") == [Ack(sequence=1)]
    federation.passes(QUIET_SECONDS)
    assert federation.has_fold()
    assert federation.told("a") == [Assign(version=1, deadline=10.0)]


def test_updates_that_waited_in_outboxes_are_folded_together() -> None:
    """After a restart nobody is known to be at work, and the first update must not be folded alone."""
    federation = Federation(buffer=3)
    for client in ("a", "b", "c"):
        federation.update(client)
        federation.passes(QUIET_SECONDS / 2)
    assert federation.state.version == 1
    assert federation.state.buffer == ()


def test_a_buffer_is_folded_when_the_last_one_in_training_goes_offline() -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    assert not federation.has_fold()
    federation.passes(5)
    assert not federation.has_fold()
    federation.says("b", "offline", ZULU)
    assert federation.has_fold()


def test_a_device_trains_once_from_each_version() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    assert federation.told("a") == [Ack(sequence=1)]
    federation.update("b", language=ZULU)
    assert federation.told("a") == [Assign(version=1, deadline=pytest.approx(10.0))]


def test_the_language_whose_prompt_has_seen_the_fewest_examples_trains_first() -> None:
    federation = Federation(buffer=1, concurrency=1)
    federation.ready("a", SWAHILI, examples=100)
    federation.ready("b", ZULU, examples=5)
    assert federation.told("b") == []
    federation.update("a", examples=100)
    assert federation.told("b") == [Assign(version=1, deadline=600.0)]
    assert federation.told("a") == [Ack(sequence=1)]
    federation.update("b", language=ZULU, examples=5)
    # Zulu has seen 5 examples, Swahili 100: Zulu goes again.
    assert federation.told("b") == [Ack(sequence=1), Assign(version=2, deadline=pytest.approx(10.0))]
    assert federation.told("a") == []


def test_a_late_devices_place_is_given_away_and_its_update_still_counts() -> None:
    federation = Federation(buffer=1, concurrency=1, fold_after=60.0)
    federation.ready("a")
    federation.ready("b", ZULU)
    assert federation.told("b") == []
    federation.passes(60)
    assert federation.told("b") == [Assign(version=0, deadline=60.0)]
    federation.update("b", language=ZULU)
    federation.update("a", base=0)
    assert Ack(sequence=1, staleness=1) in federation.told("a")
    assert federation.state.counts.accepted == 2


def test_a_device_that_went_offline_gives_its_place_back() -> None:
    federation = Federation(concurrency=1)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.says("a", "offline")
    assert federation.told("b") == [Assign(version=0, deadline=600.0)]


def test_a_device_that_comes_back_is_assigned_again_once_it_is_ready() -> None:
    federation = Federation()
    federation.ready("a")
    federation.says("a", "offline")
    federation.says("a", "online")
    assert federation.told("a") == []
    federation.ready("a")
    assert federation.told("a") == [Assign(version=0, deadline=600.0)]


def test_a_device_that_is_done_is_not_assigned() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.says("a", phase="done")
    federation.update("a")
    assert federation.told("a") == [Ack(sequence=1)]


def test_a_duplicate_is_acknowledged_again_and_counts_nothing() -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.ready("b")
    federation.update("a")
    before = federation.state
    federation.update("a")
    assert federation.told("a") == [Ack(sequence=1)]
    assert federation.only(SaveUpdate) == []
    assert federation.state.buffer == before.buffer
    assert federation.state.staleness == before.staleness
    assert (federation.state.counts.accepted, federation.state.counts.duplicate) == (1, 1)


def test_a_duplicate_that_comes_after_its_fold_counts_nothing() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a")
    prompts = federation.state.prompts
    federation.update("a", base=0)
    assert not federation.has_fold()
    assert federation.state.prompts is prompts


def test_an_update_that_is_too_old_is_refused_and_told_where_to_go_on() -> None:
    federation = Federation(buffer=1, max_staleness=1)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("b", 1, ZULU)
    federation.update("b", 2, ZULU)
    federation.update("a", base=0)
    assert federation.told("a") == [Resync(sequence=1, version=2), Assign(version=2, deadline=600.0)]
    assert federation.state.counts.stale == 1
    assert federation.state.version == 2


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [({"plan": "other"}, "plan other"), ({"backbone": "sha256:x"}, "backbone is sha256:x")],
    ids=["plan", "backbone"],
)
def test_a_device_with_something_else_is_turned_away_with_a_reason(wrong: dict[str, str], reason: str) -> None:
    federation = Federation()
    federation.ready("a", **wrong)
    ((stop,),) = [federation.told("a")]
    assert isinstance(stop, Stop)
    assert (stop.reason, reason in stop.detail) == ("incompatible", True)
    federation.passes(1)
    assert federation.told("a") == []


def test_a_plan_without_fingerprint_takes_any_backbone() -> None:
    federation = Federation()
    plan = Plan(task=Task(labels=("a", "b")), backbone=BackboneSpec(width=2, layers=2), prompt=PromptSpec(tokens=1))
    federation.state = initial(plan)
    federation.ready("a", backbone="sha256:x")
    assert [type(message) for message in federation.told("a")] == [Assign]


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"plan": "other"}, "incompatible", "plan other"),
        ({"backbone": "sha256:x"}, "incompatible", "backbone is sha256:x"),
        ({"tensors": {"prompt": np.zeros((1, 2), np.float32)}}, "incompatible", "'head.bias' is missing"),
        ({"delta": 1001.0}, "diverged", "more than 1000"),
    ],
    ids=["plan", "backbone", "layout", "blown up"],
)
def test_an_update_that_does_not_fit_is_refused_with_a_reason(change: dict[str, Any], reason: str, detail: str) -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", **change)
    (reject,) = federation.told("a")
    assert isinstance(reject, Reject)
    assert (reject.sequence, reject.reason) == (1, reason)
    assert detail in reject.detail
    assert not federation.has_fold()
    assert federation.state.counts.rejected == 1
    assert [effect.counts.rejected for effect in federation.only(SaveCounts)] == [1]


def test_a_device_whose_update_was_refused_gets_another_turn_after_a_while() -> None:
    """Even if it is alone: a federation must never stand still for one training that blew up."""
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", delta=1e6)
    assert [type(message) for message in federation.told("a")] == [Reject]
    assert next_deadline(federation.state, federation.now) == federation.now + REFUSED_SECONDS
    federation.passes(REFUSED_SECONDS - 1)
    assert federation.told("a") == []
    federation.passes(1)
    assert [type(message) for message in federation.told("a")] == [Assign]


def test_a_device_that_is_ahead_of_a_coordinator_without_memory_starts_again() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", base=7)
    assert [type(message) for message in federation.told("a")] == [Resync, Assign]
    assert not federation.has_fold()


def test_the_number_of_a_refused_update_may_be_used_again() -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.ready("b")
    federation.update("a", 1, delta=1e6)
    federation.update("a", 1)
    assert federation.told("a") == [Ack(sequence=1)]


def test_an_update_from_a_device_that_never_said_ready_counts() -> None:
    """After a restart the outboxes arrive before the devices introduce themselves."""
    federation = Federation(buffer=3)
    federation.ready("b", ZULU)
    federation.update("a", 7)
    assert federation.told("a") == [Ack(sequence=7)]
    assert SWAHILI in federation.state.prompts
    assert [effect.client.sequence for effect in federation.only(SaveClient)] == [7]


def with_three_versions() -> Federation:
    """Swahili has contributed all, English is known and far from it."""
    federation = Federation(buffer=1, proximity="fixed", temperature=0.4)
    federation.ready("a", SWAHILI)
    federation.ready("e", ENGLISH)
    federation.finds({SWAHILI, ENGLISH}, eng=0.9)
    federation.update("a", 1, SWAHILI, delta=1.0)
    federation.update("e", 1, ENGLISH, delta=-1.0)
    return federation


def test_a_late_joiner_waits_for_its_distances() -> None:
    federation = with_three_versions()
    federation.ready("z", ZULU)
    assert federation.told("z") == []
    assert [effect.languages for effect in federation.only(LookUpDistances)] == [frozenset([SWAHILI, ENGLISH, ZULU])]
    assert ZULU not in federation.state.prompts
    federation.finds({SWAHILI, ENGLISH, ZULU}, zul=0.1)
    assert federation.told("z") == [Assign(version=2, deadline=600.0)]
    assert [effect.language for effect in federation.only(PublishPrompt)] == [ZULU]
    assert [(effect.language, effect.version) for effect in federation.only(SavePrompt)] == [(ZULU, 2)]


def test_a_late_joiner_starts_near_the_languages_that_are_near() -> None:
    federation = with_three_versions()
    federation.ready("z", ZULU)
    found = {pair(SWAHILI, ZULU): {"genetic": 0.1}, pair(ENGLISH, ZULU): {"genetic": 0.9}}
    federation.feed(DistancesFound(federation.now, {SWAHILI, ENGLISH, ZULU}, found))
    prompts = federation.state.prompts
    near, far = np.exp(-0.1 / 0.4), np.exp(-0.9 / 0.4)
    expected = (near * prompts[SWAHILI] + far * prompts[ENGLISH]) / (near + far)
    assert prompts[ZULU] == pytest.approx(expected, rel=1e-5)


def test_a_late_joiner_whose_distances_nobody_knows_still_joins() -> None:
    federation = with_three_versions()
    federation.ready("z", ZULU)
    federation.finds({SWAHILI, ENGLISH, ZULU})
    assert federation.told("z") == [Assign(version=2, deadline=600.0)]
    prompts = federation.state.prompts
    assert prompts[ZULU] == pytest.approx((prompts[SWAHILI] + prompts[ENGLISH]) / 2, rel=1e-5)


def test_a_second_late_joiner_of_the_language_starts_no_second_look_up() -> None:
    federation = with_three_versions()
    federation.ready("z", ZULU)
    federation.ready("y", ZULU)
    assert federation.only(LookUpDistances) == []
    federation.finds({SWAHILI, ENGLISH, ZULU}, zul=0.1)
    assert len(federation.told("y")) == len(federation.told("z")) == 1


def test_with_uniform_proximity_nobody_waits_for_distances() -> None:
    federation = Federation(buffer=1, proximity="uniform")
    federation.ready("a")
    federation.update("a")
    federation.ready("z", ZULU)
    assert federation.only(LookUpDistances) == []
    assert federation.told("z") == [Assign(version=1, deadline=600.0)]
    assert np.array_equal(federation.state.prompts[ZULU], federation.state.prompts[SWAHILI])


def test_before_the_first_version_nobody_waits_for_distances() -> None:
    federation = Federation()
    federation.ready("a")
    federation.ready("z", ZULU)
    assert federation.told("z") == [Assign(version=0, deadline=600.0)]
    assert [effect.languages for effect in federation.only(LookUpDistances)] == [frozenset([SWAHILI, ZULU])]


def test_distances_that_were_found_are_kept_and_used() -> None:
    federation = Federation(buffer=1, proximity="fixed", temperature=0.4)
    federation.ready("a")
    federation.ready("e", ENGLISH)
    federation.finds({SWAHILI, ENGLISH}, eng=0.9)
    assert [effect.distances for effect in federation.only(SaveDistances)] == [
        {pair(SWAHILI, ENGLISH): {"genetic": 0.9}}
    ]
    before = federation.state.prompts[ENGLISH]
    federation.update("a", delta=1.0)
    (fold,) = federation.only(SaveFold)
    moved = {language: float((prompt - before)[0]) for language, prompt in fold.prompts.items()}
    assert moved[ENGLISH] < moved[UNDETERMINED] <= moved[SWAHILI]


def test_the_first_version_is_of_all_first_heads_in_closed_form_together() -> None:
    federation = Federation(buffer=1, head_start="ridge")
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    assert not federation.has_fold()
    federation.update("b", language=ZULU)
    (fold,) = federation.only(SaveFold)
    assert list(fold.updates) == [("a", 1), ("b", 1)]
    federation.update("a", 2)
    assert federation.has_fold()


def test_a_language_that_no_device_speaks_gets_a_prompt_if_the_plan_names_it() -> None:
    federation = Federation(buffer=1, proximity="uniform", zero_shot=("zul",))
    federation.ready("a")
    assert ZULU in {effect.language for effect in federation.only(SavePrompt)}
    federation.update("a")
    (fold,) = federation.only(SaveFold)
    assert set(fold.prompts) == {SWAHILI, ZULU, UNDETERMINED}
    assert np.array_equal(fold.prompts[ZULU], fold.prompts[SWAHILI])


def test_what_a_fold_teaches_is_saved_and_used() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("e", ENGLISH)
    borrowed = Metrics(accuracy=0.5, own_accuracy=0.9, validated=20)
    federation.update("a", delta=1.0, metrics=borrowed)
    federation.update("e", language=ENGLISH, delta=-1.0)
    (fold,) = federation.only(SaveFold)
    assert fold.comparisons[pair(SWAHILI, ENGLISH)].cosine == pytest.approx(-1)
    assert fold.judgements == {SWAHILI: Judgement(3.0, 1)}
    assert set(fold.directions) == {SWAHILI, ENGLISH}
    assert federation.state.relations.comparisons == fold.comparisons
    assert federation.state.relations.judgements == fold.judgements


@pytest.mark.parametrize("proximity", ["fixed", "uniform"])
def test_where_weights_do_not_follow_from_updates_nothing_is_learnt_of_them(proximity: str) -> None:
    federation = Federation(buffer=1, proximity=proximity)
    federation.ready("a")
    federation.update("a", metrics=Metrics(accuracy=0.5, own_accuracy=0.9, validated=20))
    (fold,) = federation.only(SaveFold)
    assert (fold.directions, fold.comparisons, fold.judgements) == ({}, {}, {})


@pytest.mark.parametrize(("optimiser", "count"), [("sgd", None), ("momentum", 1), ("adam", 2)])
def test_the_optimiser_remembers_something_of_every_language(optimiser: str, count: int | None) -> None:
    federation = Federation(buffer=1, optimiser=optimiser)
    federation.ready("a")
    federation.update("a", 1)
    federation.ready("z", ZULU)
    federation.finds({SWAHILI, ZULU}, zul=0.1)
    federation.update("a", 2)
    (fold,) = federation.only(SaveFold)
    shapes = {language: moments.shape for language, moments in fold.moments.items()}
    assert shapes == ({} if count is None else dict.fromkeys([UNDETERMINED, SWAHILI, ZULU], (count, 8)))
    assert federation.state.moments == fold.moments


def test_the_last_version_sends_stop_to_all_who_are_online() -> None:
    federation = Federation(last_version=1, buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.ready("c", ENGLISH)
    federation.says("c", "offline", ENGLISH)
    federation.update("a")
    federation.update("b", language=ZULU)
    stop = Stop(reason="finished", version=1)
    assert federation.told("a") == [stop]
    assert federation.told("b") == [Ack(sequence=1), stop]
    assert federation.told("c") == []


def test_a_device_that_comes_after_the_end_takes_a_prompt_along() -> None:
    federation = Federation(last_version=1, buffer=1, proximity="uniform")
    federation.ready("a")
    federation.update("a")
    federation.ready("b", ZULU)
    assert federation.told("b") == [Stop(reason="finished", version=1)]
    assert [effect.language for effect in federation.only(PublishPrompt)] == [ZULU]


def test_an_update_for_a_finished_federation_is_kept_but_makes_no_version() -> None:
    federation = Federation(last_version=1, buffer=1)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    federation.update("b", language=ZULU, base=0)
    assert federation.told("b") == [Ack(sequence=1, staleness=1)]
    assert len(federation.only(SaveUpdate)) == 1
    federation.passes(10_000)
    assert federation.state.version == 1
    assert federation.effects == []


def test_a_will_of_a_device_that_nobody_knows_is_ignored() -> None:
    federation = Federation()
    before = federation.state
    federation.says("ghost", "offline")
    assert federation.state is before
    assert federation.effects == []


def test_time_alone_changes_nothing() -> None:
    federation = Federation()
    federation.ready("a")
    before = federation.state
    federation.passes(1)
    assert (federation.state, federation.effects) == (before, [])


def test_a_step_leaves_the_state_before_it_as_it_was() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    before = federation.state
    prompts = {language: prompt.copy() for language, prompt in before.prompts.items()}
    federation.update("a")
    assert (before.version, before.buffer, before.counts.accepted) == (0, (), 0)
    assert all(np.array_equal(before.prompts[language], prompts[language]) for language in prompts)


def test_the_usual_duration_follows_what_was_observed() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.now += 100
    federation.update("a", 1)
    assert federation.state.clients["a"].seconds == 100
    federation.now += 50
    federation.update("a", 2)
    assert federation.state.clients["a"].seconds == 75


def test_the_status_shows_languages_devices_and_what_became_of_updates() -> None:
    federation = Federation(buffer=3)
    federation.ready("a", SWAHILI, examples=30)
    federation.ready("b", SWAHILI, examples=10)
    federation.update("a", examples=30, metrics=Metrics(accuracy=0.9))
    federation.update("a", examples=30)
    federation.feed(
        ClientSaid(federation.now, "b", EvaluationReport(language="swh", version=0, accuracy=0.5, examples=5))
    )
    status = summarise(federation.state, started=1.0, at=2000.0)
    assert (status.updates.accepted, status.updates.duplicate) == (1, 1)
    assert (status.version, status.buffer, status.buffer_size, status.started, status.at) == (0, 1, 3, 1.0, 2000.0)
    swahili = status.languages["swh"]
    assert (swahili.clients, swahili.examples) == (2, 40)
    assert swahili.accuracy == pytest.approx((30 * 0.9 + 10 * 0.5) / 40)
    assert [client.id for client in status.clients] == ["a", "b"]
