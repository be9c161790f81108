"""The section `privacy` of a plan: what goes together, and what older devices see of it."""

import json
from typing import Final

import pytest

from conformance.v2.plan import PLAN_KEYS
from mfpt_shared.errors import PlanError
from mfpt_shared.plan import Plan, Privacy, Task, binding_part
from mfpt_shared.plan_files import plan_from_toml, published_plan

PLAN: Final = Plan(task=Task(labels=("a", "b")))


def parse(*lines: str) -> Plan:
    return plan_from_toml("\n".join(['[task]\nlabels = ["a", "b"]\n[privacy]', *lines]), "plan.toml")


def test_a_plan_that_names_no_new_key_says_to_devices_what_it_always_said() -> None:
    assert list(json.loads(PLAN.binding)["privacy"]) == PLAN_KEYS["privacy"].split()


def test_a_plan_with_a_new_key_at_its_default_has_the_digest_that_it_had_before_the_key() -> None:
    assert parse('aggregation = "open"', "min_group = 3", "epsilon = 0").digest == PLAN.digest


@pytest.mark.parametrize("line", ['aggregation = "masked"', "min_group = 4", "failure_probability = 1e-6"])
def test_another_value_than_the_default_travels_and_changes_the_digest(line: str) -> None:
    plan = parse(line)
    assert plan.digest != PLAN.digest
    assert published_plan(plan.binding) == Plan(task=plan.task, privacy=plan.privacy)
    key = line.partition(" ")[0]
    assert list(json.loads(plan.binding)["privacy"]) == [*PLAN_KEYS["privacy"].split(), key]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (['noise = "local"'], "clip_norm"),
        (['noise = "local"', "noise_multiplier = 1.0"], "clip_norm"),
        (['noise = "local"', "clip_norm = 1.0"], "noise_multiplier"),
        (['noise = "distributed"', "clip_norm = 1.0", "noise_multiplier = 1.0"], "masked"),
        (['noise = "local"', "clip_norm = 11.0", "noise_multiplier = 10.0"], "leaves nothing of a prompt"),
        (["epsilon = 8.0"], "noise"),
        (["noise_multiplier = 1.0"], "noise"),
    ],
)
def test_noise_without_what_it_needs_is_refused_by_what_is_missing(lines: list[str], named: str) -> None:
    with pytest.raises(PlanError, match=named):
        parse(*lines)


def test_noise_goes_with_a_clip_norm_and_a_multiplier() -> None:
    lines = ("clip_norm = 1.0", "noise_multiplier = 0.5", "epsilon = 8.0")
    assert parse('noise = "local"', *lines).privacy.noise == "local"
    assert parse('noise = "distributed"', 'aggregation = "masked"', *lines).privacy.is_masked


def test_binding_keys_of_a_default_section_are_those_of_the_first_release() -> None:
    assert binding_part(PLAN)["privacy"] == {"clip_norm": 0.0, "min_examples": Privacy().min_examples}
