"""When a buffer becomes a version, and what a fold changes."""

from typing import Any

import pytest

from mfpt_coord.core.effects import Log, PublishPrompt, PublishState, SaveFold, SaveUpdate
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.relations import OwnShare, pair
from mfpt_coord.core.schedule import QUIET_SECONDS
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.protocol.messages import Ack, Assign, Metrics, Stop
from support.coordinator_core import ENGLISH, SWAHILI, ZULU, Federation


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
        "version 1 from 1 update: accuracy on held-out examples swh 0.750"
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
    # A device took 30 seconds, so the buffer waits three times as long.
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
    """After a restart no device is known to be training, and the first update must not be folded alone."""
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


def taught(**aggregation: Any) -> tuple[Federation, SaveFold]:
    """Let two devices of two languages make a first version, and then a second one that says what they keep."""
    federation = Federation(buffer=2, **aggregation)
    federation.ready("a")
    federation.ready("e", ENGLISH)
    for sequence, kept in ((1, None), (2, 0.8)):
        federation.update("a", sequence, delta=1.0, metrics=Metrics(own_share=kept, validated=12))
        federation.update("e", sequence, language=ENGLISH, delta=-1.0)
    (fold,) = federation.only(SaveFold)
    return federation, fold


def test_what_a_fold_teaches_is_saved_and_used() -> None:
    federation, fold = taught()
    assert fold.comparisons[pair(SWAHILI, ENGLISH)].cosine == pytest.approx(-1)
    assert fold.shares.keys() == {(SWAHILI, "a")}
    assert fold.shares[SWAHILI, "a"].share == 0.8
    assert fold.shares[SWAHILI, "a"].disagreement > 1
    assert set(fold.directions) == {SWAHILI, ENGLISH}
    assert federation.state.relations.comparisons == fold.comparisons
    assert federation.state.relations.shares == fold.shares


@pytest.mark.parametrize("proximity", ["fixed", "uniform"])
def test_where_weights_do_not_follow_from_updates_they_show_only_what_is_usual(proximity: str) -> None:
    federation, fold = taught(proximity=proximity)
    assert (fold.directions, fold.comparisons) == ({}, {})
    assert fold.shares == {(SWAHILI, "a"): OwnShare(0.8, 0.0)}
    assert newest_prompt(federation.state, ENGLISH).header.own_share == 0.8


def test_what_a_device_keeps_beside_a_prompt_that_has_nothing_of_its_own_shows_nothing() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.ready("e", ENGLISH)
    federation.update("a", metrics=Metrics(own_share=1.0, validated=12))
    (fold,) = federation.only(SaveFold)
    assert fold.shares == {}
    assert newest_prompt(federation.state, SWAHILI).header.own_share is None


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
