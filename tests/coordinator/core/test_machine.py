"""The coordinator's core, as devices see it: who is assigned, and who is turned away."""

from typing import Any

import numpy as np
import pytest

from mfpt_coord.core.effects import PublishPrompt, SavePrompt, Send
from mfpt_coord.core.state import initial
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task
from mfpt_shared.protocol.messages import Ack, Assign, Stop
from support.coordinator_core import SWAHILI, ZULU, Federation


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


def test_a_device_trains_once_from_each_version() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    assert federation.told("a") == [Ack(sequence=1)]
    federation.update("b", language=ZULU)
    assert federation.told("a") == [Assign(version=1, deadline=10.0)]


def test_the_language_whose_prompt_has_seen_the_fewest_examples_trains_first() -> None:
    federation = Federation(buffer=1, concurrency=1)
    federation.ready("a", SWAHILI, examples=100)
    federation.ready("b", ZULU, examples=5)
    assert federation.told("b") == []
    federation.update("a", examples=100)
    assert federation.told("b") == [Assign(version=1, deadline=600.0)]
    assert federation.told("a") == [Ack(sequence=1)]
    federation.update("b", language=ZULU, examples=5)
    # Zulu has seen 5 examples and Swahili 100, so Zulu trains again.
    assert federation.told("b") == [Ack(sequence=1), Assign(version=2, deadline=10.0)]
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


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [({"plan": "other"}, "plan other"), ({"backbone": "sha256:x"}, "backbone is sha256:x")],
    ids=["plan", "backbone"],
)
def test_a_device_with_something_else_is_turned_away_with_a_reason(wrong: dict[str, Any], reason: str) -> None:
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
