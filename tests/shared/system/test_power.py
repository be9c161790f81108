"""What the system tells of the power."""

from pathlib import Path

import pytest

from mfpt_shared.system.power import on_battery
from support.systems import linux_only


def supply(folder: Path, name: str, **facts: str) -> None:
    (folder / name).mkdir()
    for fact, value in facts.items():
        (folder / name / fact).write_text(value + "\n")


@linux_only
def test_a_battery_that_is_emptied_without_a_mains_supply_counts(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains", online="0")
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")
    supply(tmp_path, "BAT1", type="Battery", status="Unknown")
    assert on_battery(tmp_path)


@pytest.mark.parametrize(
    "supplies",
    [
        {},
        {"AC": {"type": "Mains", "online": "0"}},
        {"BAT0": {"type": "Battery", "status": "Charging"}},
        {"BAT0": {"type": "Battery", "status": "Full"}, "AC": {"type": "Mains", "online": "0"}},
        {"BAT0": {"type": "Battery", "status": "Discharging"}, "AC": {"type": "Mains", "online": "1"}},
        {"BAT0": {"type": "Battery", "status": "Discharging"}, "C": {"type": "USB", "online": "1"}},
        {"mouse": {"type": "Battery", "status": "Discharging", "scope": "Device"}},
        {"BAT0": {}},
    ],
    ids=["nothing", "no battery", "charging", "full", "weak charger", "USB", "mouse", "no facts"],
)
def test_anything_else_does_not(tmp_path: Path, supplies: dict[str, dict[str, str]]) -> None:
    for name, facts in supplies.items():
        supply(tmp_path, name, **facts)
    assert not on_battery(tmp_path)


def test_a_system_without_such_a_folder_runs_on_mains(tmp_path: Path) -> None:
    assert not on_battery(tmp_path / "missing")
