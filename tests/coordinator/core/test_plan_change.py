"""The operator changes the plan while the federation runs."""

from typing import Any

import msgspec

from mfpt_coord.core.effects import LookUpDistances, PublishPlan, PublishPrompt, PublishState, SavePlan, SaveUpdate
from mfpt_coord.core.events import PlanApplied
from mfpt_coord.core.order import actions
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Assign, Stop
from support.coordinator_core import SWAHILI, ZULU, Federation


def changed(federation: Federation, section: str, **values: Any) -> Plan:
    plan = federation.state.plan
    return msgspec.structs.replace(plan, **{section: msgspec.structs.replace(getattr(plan, section), **values)})


def apply(federation: Federation, section: str, **values: Any) -> Plan:
    """Change some keys of a section, and return the plan before."""
    before = federation.state.plan
    federation.feed(PlanApplied(federation.now, changed(federation, section, **values)))
    return before


def test_what_is_the_coordinators_affair_changes_at_once_and_nobody_hears_of_it() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    before = apply(federation, "aggregation", buffer=1)
    assert federation.state.plan.digest == before.digest
    assert federation.only(PublishPlan) == []
    assert len(federation.only(SavePlan)) == 1
    federation.update("a")
    assert federation.has_fold()


def test_a_smaller_buffer_folds_what_waits() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    assert not federation.has_fold()
    apply(federation, "aggregation", buffer=1)
    assert federation.has_fold()


def test_the_plan_is_on_the_wire_before_the_prompts_that_follow_it() -> None:
    federation = Federation()
    federation.ready("a")
    before = apply(federation, "training", batch_size=4)
    assert federation.state.plan.digest != before.digest
    kinds = [type(one) for one in actions(federation.effects)]
    assert kinds.index(PublishPlan) < kinds.index(PublishPrompt) < kinds.index(PublishState)
    assert {one.language for one in federation.only(PublishPrompt)} == set(federation.state.prompts)


def test_nobody_is_assigned_before_it_has_followed() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    apply(federation, "training", batch_size=4)
    federation.passes(1)
    assert federation.sent("a") == []
    federation.ready("a")
    assert [type(one) for one in federation.sent("a")] == [Assign]


def test_an_update_under_the_plan_before_counts() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    before = apply(federation, "training", batch_size=4)
    federation.update("a", plan=before.digest)
    assert len(federation.only(SaveUpdate)) == 1
    assert len(federation.state.buffer) == 1


def test_an_update_under_a_plan_that_the_federation_never_had_does_not_count() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    apply(federation, "training", batch_size=4)
    federation.update("a", plan="0" * 16)
    assert federation.only(SaveUpdate) == []


def test_a_device_that_announces_itself_under_the_plan_before_is_not_turned_away() -> None:
    federation = Federation(buffer=2)
    before = apply(federation, "training", batch_size=4)
    federation.ready("a", plan=before.digest)
    assert federation.sent("a") == []
    federation.ready("b", ZULU, plan="0" * 16)
    assert [type(one) for one in federation.sent("b")] == [Stop]


def test_going_back_to_an_earlier_plan_is_a_change_like_others() -> None:
    federation = Federation(buffer=2)
    federation.ready("a", SWAHILI)
    first = apply(federation, "training", batch_size=4)
    second = apply(federation, "training", batch_size=first.training.batch_size)
    assert federation.state.plan.digest == first.digest
    assert federation.state.former == (second.digest,)


def test_the_memory_of_another_optimiser_is_forgotten() -> None:
    federation = Federation(buffer=1, optimiser="adam")
    federation.ready("a")
    federation.update("a")
    assert federation.state.moments
    apply(federation, "aggregation", optimiser="momentum")
    assert federation.state.moments == {}
    assert [one.keeps_moments for one in federation.only(SavePlan)] == [False]
    federation.update("a", sequence=2)
    assert federation.has_fold()


def test_the_same_plan_again_changes_nothing() -> None:
    federation = Federation()
    federation.ready("a")
    before = federation.state
    apply(federation, "aggregation", buffer=before.plan.aggregation.buffer)
    assert federation.state == before
    assert federation.effects == []


def test_distances_that_nobody_needed_before_are_looked_up() -> None:
    federation = Federation(proximity="uniform")
    federation.ready("a", SWAHILI)
    federation.ready("b", ZULU)
    apply(federation, "aggregation", proximity="auto")
    assert federation.only(LookUpDistances) == [LookUpDistances(frozenset({SWAHILI, ZULU}))]
    apply(federation, "aggregation", buffer=3)
    assert federation.only(LookUpDistances) == []
