"""A plan against what a device gives and allows, and the backbone that is there."""

import asyncio

import msgspec
import pytest

from mfpt_edge.doctor.examination import Answer
from mfpt_edge.doctor.fit import Fit, Owner
from mfpt_edge.session.limits import Given
from mfpt_shared.errors import Incompatible, NotAllowed, UsageError
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, Task

PLAN = Plan(task=Task(labels=("good", "bad")), privacy=Privacy(min_examples=4))


def fit(plan: Plan | None = PLAN, *, memory: int = 2 * 10**9, backbones: tuple[str, ...] = ()) -> Answer:
    owner = Owner(Given(memory, 7200.0, 10**9, 10**9), None, backbones, frozenset())
    return asyncio.run(Fit(None, plan, owner)())


def with_backbone(uri: str, fingerprint: str = "") -> Plan:
    return msgspec.structs.replace(PLAN, backbone=BackboneSpec(uri=uri, fingerprint=fingerprint))


def test_a_plan_with_the_bundled_backbone_fits() -> None:
    answer = fit()
    assert answer.level == "ok"
    assert "for 2 labels (classification), with bundled:multilingual-e5-small" in answer.found


def test_a_plan_that_takes_more_memory_than_the_device_gives_does_not_fit() -> None:
    with pytest.raises(NotAllowed, match="raise --memory, or leave this federation"):
        fit(memory=1000)


def test_a_plan_that_wants_a_file_of_this_device_does_not_fit() -> None:
    with pytest.raises(NotAllowed, match="only its owner can allow that"):
        fit(with_backbone("path:/models/mine"))


def test_a_file_that_the_owner_names_and_that_is_missing_is_told() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        fit(with_backbone("path:/models/mine"), backbones=("path:/models/mine",))


def test_what_join_would_ask_about_is_said_before() -> None:
    answer = fit(with_backbone("hf:org/model"))
    assert (answer.level, answer.found) == ("warning", "the plan asks for backbone hf:org/model, to be downloaded")


def test_another_backbone_than_the_plans_is_incompatible() -> None:
    with pytest.raises(Incompatible, match="get the same model as the operator"):
        fit(with_backbone(PLAN.backbone.uri, f"sha256:{'0' * 64}"))


def test_without_a_plan_there_is_nothing_to_compare() -> None:
    assert fit(None).level == "skipped"
