"""A fleet at the size of a toy."""

from pathlib import Path

import pytest

from fleet_bench.result import Fleet
from support.scripts import run_script


@pytest.mark.network
@pytest.mark.slow
def test_a_small_fleet_takes_part_and_is_back_when_its_broker_was_killed(tmp_path: Path) -> None:
    done = run_script("fleet_bench", "--devices", 5, "--limit", 60, "--json", cache=tmp_path, cwd=tmp_path)

    assert done.code == 0, done.err
    answer = done.answer
    assert answer["taking_part"] == answer["back"] == answer["at_work_again"] == 5
    assert answer["ended"] == {}
    assert min(answer[process]["most"] for process in ("coordinator", "broker")) > 0


def test_a_fleet_of_which_some_did_not_come_back_is_not_complete() -> None:
    assert not Fleet(devices=2, taking_part_seconds=1.0, back_seconds=None, at_work_seconds=1.0).is_complete
    assert Fleet(devices=2, taking_part_seconds=1.0, back_seconds=2.0, at_work_seconds=1.0).is_complete
