"""Which changes of a plan devices can follow while a federation runs."""

from typing import Any

import msgspec
import pytest

from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.plan_changes import changes, changes_devices, unfollowable

OLD = Plan(task=Task(labels=("a", "b")))


def with_(plan: Plan, section: str, **values: Any) -> Plan:
    return msgspec.structs.replace(plan, **{section: msgspec.structs.replace(getattr(plan, section), **values)})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("training", {"batch_size": 8}),
        ("training", {"max_tokens": 64}),
        ("aggregation", {"buffer": 4, "optimiser": "adam"}),
        ("aggregation", {"zero_shot": ("xho",)}),
        ("privacy", {"clip_norm": 2.0}),
        ("privacy", {"min_examples": 20}),
    ],
)
def test_devices_can_follow_how_they_train(section: str, values: dict[str, Any]) -> None:
    assert unfollowable(OLD, with_(OLD, section, **values)) == []


@pytest.mark.parametrize(
    ("new", "key"),
    [
        (msgspec.structs.replace(OLD, task=Task(labels=("a", "c"))), "task.labels"),
        (msgspec.structs.replace(OLD, backbone=BackboneSpec(prefix="")), "backbone.prefix"),
        (msgspec.structs.replace(OLD, prompt=PromptSpec(tokens=5)), "prompt.tokens"),
        (msgspec.structs.replace(OLD, federation="other"), "federation"),
        (with_(OLD, "training", head_start="ridge"), "training.head_start"),
        (with_(OLD, "aggregation", metrics=("genetic",)), "aggregation.metrics"),
        (with_(OLD, "privacy", aggregation="masked"), "privacy.aggregation"),
        (with_(OLD, "privacy", noise="local", noise_multiplier=1.0, clip_norm=1.0), "privacy.noise"),
    ],
)
def test_another_task_or_protection_is_another_federation(new: Plan, key: str) -> None:
    assert key in [one.key for one in unfollowable(OLD, new)]


def test_under_masks_and_noise_devices_follow_nothing_that_is_about_updates() -> None:
    masked = with_(OLD, "privacy", aggregation="masked")
    assert unfollowable(masked, with_(masked, "aggregation", buffer=7)) == []
    assert [one.key for one in unfollowable(masked, with_(masked, "training", batch_size=8))] == ["training.batch_size"]
    noisy = msgspec.structs.replace(OLD, privacy=Privacy(noise="local", noise_multiplier=1.0, clip_norm=1.0))
    assert [one.key for one in unfollowable(noisy, with_(noisy, "privacy", clip_norm=2.0))] == ["privacy.clip_norm"]


def test_only_what_binds_devices_changes_what_they_do() -> None:
    assert not changes_devices(OLD, with_(OLD, "aggregation", buffer=7))
    assert changes_devices(OLD, with_(OLD, "training", batch_size=8))


def test_a_change_says_both_values() -> None:
    (change,) = changes(OLD, with_(OLD, "training", batch_size=8))
    assert str(change) == "training.batch_size: 16 -> 8"
    assert changes(OLD, OLD) == []
