"""The plan as the page shows it."""

from mfpt_coord.page.plans import plan_shown
from support.federation import tiny_plan


def test_every_key_of_the_plan_is_shown_with_what_it_means() -> None:
    shown = plan_shown(tiny_plan(buffer=7))
    keys = {key.key: key for section in shown.sections for key in section.keys}
    assert keys["aggregation.buffer"].value == 7
    assert not keys["aggregation.buffer"].usual
    assert keys["aggregation.patience"].usual
    assert all(key.meaning for key in keys.values())


def test_what_devices_can_follow_is_marked() -> None:
    keys = {key.key: key.may_change for section in plan_shown(tiny_plan()).sections for key in section.keys}
    assert keys["training.batch_size"]
    assert not keys["task.labels"]
    assert not keys["aggregation.metrics"]
