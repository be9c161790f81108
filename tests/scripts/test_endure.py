"""A short day of a fast clock."""

from pathlib import Path

import pytest

from support.scripts import run_script


@pytest.mark.network
@pytest.mark.slow
def test_devices_live_through_a_short_day(tmp_path: Path) -> None:
    options = ("--hours", 0.1, "--devices", 5, "--folds", 10, "--figure", "day.svg", "--json")
    done = run_script("endurance", *options, cache=tmp_path, cwd=tmp_path)

    assert done.code == 0, done.err
    answer = done.answer
    assert answer["folds"] > 0
    assert answer["lost"] == answer["twice"] == 0
    assert answer["series"][-1]["seconds"] > 0.05 * 3600
    assert {"database, MB", "memory of the coordinator, MB"} <= answer["trends"].keys()
    assert (tmp_path / "day.svg").exists()
