"""Every script explains itself."""

import subprocess
from pathlib import Path

import pytest

from support.scripts import SCRIPTS, run_script

PYTHON_SCRIPTS = {
    "attack": "attacks",
    "data_table": "data_tables",
    "demo": "demo",
    "endure": "endurance",
    "fleet": "fleet_bench",
    "bench_aggregate": "bench_aggregate",
    "bench_device": "device_bench",
    "bench_edge": "edge_bench",
    "bench_masks": "masks_bench",
    "bench_page": "operator_page",
    "bench_round": "round_bench",
    "bench_scale": "scale_bench",
    "fuzz": "fuzzing",
    "least_machines": "old_machines",
    "reproduce": "reproduction",
    "screenshots": "page_pictures",
    "soak": "soaking",
    "words": "catalogues",
}
SHELL_SCRIPTS = ("build", "check", "test")


@pytest.mark.parametrize("name", PYTHON_SCRIPTS)
def test_help_of_a_script_shows_an_example(name: str, tmp_path: Path) -> None:
    done = run_script(PYTHON_SCRIPTS[name], "--help", cache=tmp_path, cwd=tmp_path)

    assert done.code == 0, done.err
    assert f"Example: ./scripts/{name} " in done.out


@pytest.mark.parametrize("name", SHELL_SCRIPTS)
def test_help_of_a_shell_script_shows_an_example_and_installs_nothing(name: str, tmp_path: Path) -> None:
    command = [str(SCRIPTS / name), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=10, check=False)

    assert done.returncode == 0, done.stderr
    assert f"Example: ./scripts/{name}" in done.stdout
    assert done.stderr == ""


def test_every_script_is_asked_for_its_help() -> None:
    started = {path.name for path in SCRIPTS.iterdir() if path.is_file() and path.stat().st_mode & 0o111}

    assert started == {*PYTHON_SCRIPTS, *SHELL_SCRIPTS}


def test_numbers_that_make_no_sense_are_named(tmp_path: Path) -> None:
    done = run_script("bench_aggregate", "--updates", "4,0", cache=tmp_path, cwd=tmp_path)

    assert done.code == 2
    assert "--updates: '4,0': give whole numbers, 1 or more, separated by commas" in done.err


def test_data_that_bench_edge_cannot_read_is_named_in_one_line(tmp_path: Path) -> None:
    done = run_script("edge_bench", "--data", "nowhere", cache=tmp_path, cwd=tmp_path)

    assert done.code in (2, 7)
    assert done.out == ""
    assert done.err.startswith("bench_edge: ")
    assert "nowhere" in done.err
    assert len(done.err.splitlines()) == 1
