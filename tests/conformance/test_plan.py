"""A device follows a plan only if it knows every key, and has enough examples."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.v2.plan import objection_to

GOLDEN = Path(__file__).parents[1] / "shared/protocol/golden/plan.json"


@pytest.fixture
def plan() -> dict[str, Any]:
    """The plan among the golden files, which asks for 16 examples."""
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())["plan"]
    return found


def test_a_plan_of_which_every_key_is_known_is_followed(plan: dict[str, Any]) -> None:
    assert objection_to(plan, examples=16) == ""


def test_an_unknown_key_is_named(plan: dict[str, Any]) -> None:
    plan["training"]["dropout"] = 0.1
    assert "dropout" in objection_to(plan, examples=16)


def test_an_unknown_section_is_named(plan: dict[str, Any]) -> None:
    plan["secrecy"] = {}
    assert "secrecy" in objection_to(plan, examples=16)


def test_too_few_examples_are_an_objection(plan: dict[str, Any]) -> None:
    assert "fewer examples" in objection_to(plan, examples=15)
