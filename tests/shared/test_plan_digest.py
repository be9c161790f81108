"""The digest that names a plan, and plans that other versions of mfpt have written."""

import hashlib
import json

import pytest

from mfpt_shared.errors import PlanError
from mfpt_shared.plan import Plan, Task, plan_to_json
from mfpt_shared.plan_files import plan_from_json, plan_from_toml, plan_to_toml, published_plan

PLAN = Plan(task=Task(labels=("a", "b")))
TASK = '[task]\nlabels = ["a", "b"]\n'


def parse(text: str) -> Plan:
    return plan_from_toml(text, "plan.toml")


def test_the_same_plan_has_the_same_digest_however_it_came() -> None:
    assert len(PLAN.digest) == 16
    assert parse(plan_to_toml(PLAN)).digest == plan_from_json(plan_to_json(PLAN)).digest == PLAN.digest


def test_a_whole_number_for_a_fraction_gives_the_same_digest() -> None:
    assert parse(f"{TASK}[aggregation]\nlearning_rate = 1\n").digest == PLAN.digest


@pytest.mark.parametrize(
    "line",
    [
        '[prompt]\nmethod = "prompt"',
        "[privacy]\nmin_examples = 9",
        '[backbone]\nprefix = ""',
    ],
)
def test_another_plan_has_another_digest(line: str) -> None:
    assert parse(f"{TASK}{line}\n").digest != PLAN.digest


def test_what_binds_the_coordinator_alone_does_not_change_the_digest() -> None:
    """The operator may fold otherwise from tomorrow on, and no device needs to be started again."""
    assert parse(f"{TASK}[aggregation]\nbuffer = 4\n").digest == PLAN.digest


def test_the_order_of_the_labels_belongs_to_the_digest() -> None:
    assert Plan(task=Task(labels=("b", "a"))).digest != PLAN.digest


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"task":{}}', b'{"task":{"labels":["a","\xff"]}}', b"null"])
def test_a_published_plan_that_cannot_be_read_is_a_plan_error(payload: bytes) -> None:
    with pytest.raises(PlanError, match="the coordinator's plan cannot be read"):
        plan_from_json(payload)


def test_a_plan_with_fewer_keys_than_this_version_knows_keeps_the_digest_that_its_writer_gave_it() -> None:
    """As from an older coordinator: whoever follows it must call it as the coordinator does."""
    members = json.loads(PLAN.binding)
    del members["training"]["schedule"]
    older = json.dumps(members, separators=(",", ":")).encode()
    plan = published_plan(older)
    assert plan.digest == hashlib.sha256(older).hexdigest()[:16] != PLAN.digest
    assert plan.training == PLAN.training
    assert plan_from_json(plan.binding).digest == plan.digest


def test_what_binds_the_coordinator_alone_is_not_looked_at_in_a_published_plan() -> None:
    members = json.loads(plan_to_json(PLAN)) | {"aggregation": {"a key of a later version": 1}}
    assert published_plan(json.dumps(members, separators=(",", ":")).encode()) == PLAN


@pytest.mark.parametrize("section", ["training", ""])
def test_an_unknown_key_that_binds_devices_is_refused_by_its_name(section: str) -> None:
    members = json.loads(PLAN.binding)
    (members[section] if section else members)["dropout"] = 0.5
    with pytest.raises(PlanError, match="dropout"):
        published_plan(json.dumps(members).encode())


def test_a_data_folder_keeps_the_digest_of_its_plan_when_a_later_version_knows_more_keys() -> None:
    members = json.loads(plan_to_json(PLAN))
    del members["training"]["schedule"]
    members["aggregation"]["buffer"] = 7
    plan = plan_from_json(json.dumps(members, separators=(",", ":")).encode())
    assert plan.digest == hashlib.sha256(plan.binding).hexdigest()[:16] != PLAN.digest
    assert b"schedule" not in plan.binding
    assert plan.aggregation.buffer == 7
