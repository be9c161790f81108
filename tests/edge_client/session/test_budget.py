"""A device's privacy budget through restarts, restored folders and lost files."""

import shutil
from pathlib import Path

import msgspec
import pytest

from mfpt_edge.session.budget import Budget, budget_for
from mfpt_edge.storage.first_round import first_round, save_first_round
from mfpt_shared.device.accountant import cost_of_release, epsilon, releases_left
from mfpt_shared.plan import Plan, Privacy
from support.session import THE_PLAN

NOISE = Privacy(clip_norm=1.0, noise="local", noise_multiplier=6.0, epsilon=8.0)
PLAN = msgspec.structs.replace(THE_PLAN, privacy=NOISE)
FIRST = 4
"""Number of the first update under the plan: three were made under another one."""


def budget(folder: Path, used: int = FIRST - 1, plan: Plan = PLAN) -> Budget:
    """Return the budget of a run, and remember its first round as the run does once it follows the plan."""
    loaded = Budget(folder, plan, used)
    if first_round(folder, plan) is None:
        save_first_round(folder, plan, used + 1)
    return loaded


def spent_on(updates: int) -> float:
    return epsilon(updates * cost_of_release(PLAN), NOISE.failure_probability)


def test_a_new_device_has_spent_nothing_and_may_make_as_many_updates_as_fit(tmp_path: Path) -> None:
    fitting = releases_left(PLAN)
    assert fitting is not None
    assert fitting > 2

    fresh = budget(tmp_path)

    assert fresh.epsilon == 0
    assert fresh.last_number == FIRST - 1 + fitting


def test_an_update_is_spent_before_it_leaves_and_after_a_restart(tmp_path: Path) -> None:
    first = budget(tmp_path)
    first.spend(FIRST)

    again = budget(tmp_path, used=FIRST)

    assert first.epsilon == again.epsilon == pytest.approx(spent_on(1))
    assert again.last_number == first.last_number


def test_an_update_that_never_reached_the_outbox_is_not_spent_twice(tmp_path: Path) -> None:
    budget(tmp_path).spend(FIRST)

    again = budget(tmp_path, used=FIRST - 1)
    again.spend(FIRST)

    assert again.epsilon == pytest.approx(spent_on(1))


def test_a_folder_restored_from_an_older_copy_spends_the_numbers_that_are_used(tmp_path: Path) -> None:
    device, copy = tmp_path / "device", tmp_path / "copy"
    budget(device).spend(FIRST)
    shutil.copytree(device, copy)
    for number in (FIRST + 1, FIRST + 2):
        budget(device, used=number - 1).spend(number)

    restored = budget(copy, used=FIRST)
    restored.spend(FIRST + 3)  # the coordinator says which numbers are used

    assert restored.epsilon == pytest.approx(spent_on(4))


@pytest.mark.parametrize("content", [None, b"{"], ids=["lost", "damaged"])
def test_without_its_file_a_device_has_spent_every_number_under_the_plan(tmp_path: Path, content: bytes | None) -> None:
    budget(tmp_path).spend(FIRST + 2)
    if content is None:
        (tmp_path / "spent.json").unlink()
    else:
        (tmp_path / "spent.json").write_bytes(content)

    assert budget(tmp_path, used=FIRST + 2).epsilon == pytest.approx(spent_on(3))


def test_what_was_spent_under_an_earlier_plan_with_noise_leaves_less_for_this_one(tmp_path: Path) -> None:
    stronger = msgspec.structs.replace(PLAN, privacy=msgspec.structs.replace(NOISE, noise_multiplier=12.0))
    budget(tmp_path).spend(FIRST)

    later = budget(tmp_path, used=FIRST, plan=stronger)

    left = releases_left(stronger)
    assert left is not None
    assert later.epsilon == pytest.approx(spent_on(1))
    assert later.last_number is not None
    assert later.last_number - FIRST < left


def test_what_is_spent_is_said_with_the_last_update_that_fits(tmp_path: Path) -> None:
    fresh = budget(tmp_path)
    endless = budget(tmp_path, plan=msgspec.structs.replace(PLAN, privacy=msgspec.structs.replace(NOISE, epsilon=0.0)))

    last = fresh.last_number
    assert fresh.in_words() == f"privacy budget: epsilon 0.00 of 8 spent; the last update that fits is number {last}"
    assert endless.in_words() == "privacy budget: epsilon 0.00 spent, no limit"


def test_under_a_plan_without_noise_there_is_no_budget(tmp_path: Path) -> None:
    assert budget_for(tmp_path, THE_PLAN, 0) is None
