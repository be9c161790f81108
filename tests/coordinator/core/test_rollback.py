"""Which version of a language is kept as its best, and what becomes of everything else when the operator goes back."""

import numpy as np
import pytest

from mfpt_coord.core.effects import PublishPrompt, PublishState, SaveDeed, SaveFold, SaveRollback
from mfpt_coord.core.events import ClientSaid, RolledBack
from mfpt_coord.core.order import actions
from mfpt_coord.core.standing import Best
from mfpt_shared.protocol.messages import EvaluationReport, Metrics
from support.coordinator_core import SWAHILI, ZULU, Federation


def told(accuracy: float, validated: int) -> Metrics:
    return Metrics(accuracy=accuracy, validated=validated)


def versions(federation: Federation, *metrics: Metrics, client: str = "a") -> None:
    """Make a version of each of these, by updates of one device that has measured the version before it."""
    sequence = max([0, *(one.sequence for one in federation.state.clients.values() if one.id == client)])
    for number, one in enumerate(metrics, start=sequence + 1):
        federation.update(client, number, metrics=one)


def a_federation() -> Federation:
    federation = Federation(buffer=1, optimiser="momentum", max_examples=1000)
    federation.ready("a")
    return federation


def test_the_version_that_did_best_on_held_out_examples_is_known() -> None:
    federation = a_federation()
    versions(federation, told(0.5, 20), told(0.8, 20), told(0.6, 20))
    assert federation.state.best[SWAHILI] == Best(1, 0.8, 20)


def test_a_better_version_with_fewer_examples_behind_it_is_not_taken_for_the_best() -> None:
    federation = a_federation()
    versions(federation, told(0.6, 20), told(1.0, 3))
    assert federation.state.best[SWAHILI] == Best(0, 0.6, 20)


def test_a_device_counts_once_and_with_no_more_examples_than_count() -> None:
    federation = Federation(buffer=2, max_examples=50)
    federation.ready("a")
    federation.ready("b")
    for _ in range(5):
        report = EvaluationReport(language=SWAHILI, version=0, accuracy=1.0, examples=10**9)
        federation.feed(ClientSaid(federation.now, "a", report))
    federation.update("b", metrics=told(0.0, 50))
    federation.update("a", metrics=told(1.0, 10**9))
    assert federation.state.best[SWAHILI] == Best(0, 0.5, 100)


def test_what_is_told_of_another_version_says_nothing_about_this_one() -> None:
    federation = a_federation()
    versions(federation, told(0.5, 20))
    federation.update("a", 2, base=0, metrics=told(1.0, 20))
    assert federation.state.best[SWAHILI] == Best(0, 0.5, 20)


def test_going_back_makes_a_new_version_of_the_earlier_prompt_and_leaves_the_others() -> None:
    federation = a_federation()
    federation.ready("z", ZULU)
    versions(federation, told(0.5, 20))
    first = federation.state.prompts[SWAHILI]
    versions(federation, told(0.9, 20), told(0.4, 20))
    before = federation.state
    federation.feed(RolledBack(federation.now, {SWAHILI: (1, first)}))
    after = federation.state
    assert after.version == before.version + 1
    np.testing.assert_array_equal(after.prompts[SWAHILI], first)
    np.testing.assert_array_equal(after.prompts[ZULU], before.prompts[ZULU])
    assert SWAHILI in before.moments
    assert SWAHILI not in after.moments
    assert ZULU in after.moments
    assert SWAHILI not in after.directions
    (saved,) = federation.only(SaveRollback)
    assert (saved.version, saved.sources) == (after.version, {SWAHILI: 1})
    assert federation.only(SaveFold) == []
    (noted,) = federation.only(SaveDeed)
    assert noted.deed.action == "rollback"
    published = [one.language for one in actions(federation.effects) if isinstance(one, PublishPrompt)]
    assert set(published) == set(after.prompts)
    assert len(federation.only(PublishState)) == 1


def test_an_update_from_the_versions_between_still_counts_by_its_staleness() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b")
    federation.update("a")
    federation.update("b")
    federation.update("a", 2)
    waiting = federation.state.buffer
    federation.feed(RolledBack(federation.now, {SWAHILI: (0, np.zeros(8, np.float32))}))
    assert federation.state.buffer == waiting
    federation.update("b", 2, base=1)
    assert federation.state.version == 3
    assert federation.state.staleness == {0: 3, 1: 1}


def test_versions_that_were_asked_for_are_not_used_up_by_going_back() -> None:
    federation = Federation(last_version=2, buffer=1)
    federation.ready("a")
    versions(federation, told(0.5, 20))
    federation.feed(RolledBack(federation.now, {SWAHILI: (0, np.zeros(8, np.float32))}))
    assert (federation.state.version, federation.state.finished) == (2, False)
    federation.update("a", 2)
    assert federation.state.finished


@pytest.mark.parametrize("known", [False, True])
def test_going_back_to_nothing_changes_nothing(known: bool) -> None:
    federation = a_federation()
    before = federation.state
    federation.feed(RolledBack(federation.now, {ZULU: (0, np.zeros(8, np.float32))} if known else {}))
    assert federation.state == before
    assert federation.effects == []
