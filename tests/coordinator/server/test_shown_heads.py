"""Heads in closed form show which sentences a device holds: no federation begins in which they travel in the open."""

from pathlib import Path

import pytest

from mfpt_coord.core.state import initial
from mfpt_coord.server.data_folder import open_store
from mfpt_coord.server.serve import open_state
from mfpt_shared.errors import PlanError
from mfpt_shared.plan import Plan, Privacy, Task, Training

LABELS = Task(labels=("a", "b"))
SHOWN = Plan(task=LABELS, training=Training(head_start="ridge"))


def test_a_federation_does_not_begin_with_heads_that_show_what_devices_hold(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(PlanError, match=r"privacy\.aggregation"):
        open_state(store, SHOWN)
    assert store.load() is None


@pytest.mark.parametrize(
    "plan",
    [
        Plan(task=LABELS, training=Training(head_start="ridge"), privacy=Privacy(aggregation="masked")),
        Plan(task=Task(labels=(), kind="generation"), training=Training(head_start="ridge")),
        Plan(task=LABELS),
    ],
    ids=["under masks", "without a head", "tuned from zero"],
)
def test_a_federation_begins_where_no_head_is_shown(tmp_path: Path, plan: Plan) -> None:
    assert open_state(open_store(tmp_path), plan).plan == plan


def test_a_federation_that_began_in_an_earlier_release_goes_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.create(initial(SHOWN), "c0ffee")
    assert open_state(store, SHOWN).plan == SHOWN
