"""A study that was interrupted goes on where it was, and shows what it has."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from support.scripts import Reproduce, command, environment

SECONDS = 120.0
# Six methods, and two more plans of the grid.
RUNS = 8


pytestmark = pytest.mark.slow


@pytest.fixture
def first_seed(reproduce: Reproduce, tmp_path: Path) -> Path:
    """Folder with the results of a first seed that is finished."""
    done = reproduce("headline", "--seeds", 0)
    assert done.code == 0, done.err
    return tmp_path / "results"


def test_finished_runs_are_not_made_again(first_seed: Path, reproduce: Reproduce) -> None:
    before = json.loads((first_seed / "headline-toy-8.json").read_text(encoding="utf-8"))
    assert reproduce("headline", "--seeds", 0).code == 0
    after = json.loads((first_seed / "headline-toy-8.json").read_text(encoding="utf-8"))
    assert after["reused_runs"] == RUNS
    assert after["methods"] == before["methods"]


def test_a_partial_table_says_what_is_missing(first_seed: Path, reproduce: Reproduce) -> None:
    written = sorted(first_seed.iterdir())
    done = reproduce("headline", "--seeds", "0,1", "--partial", "--json")
    assert done.code == 0, done.err
    assert done.answer["seeds"] == [0]
    assert "missing: seed 1: local (3), central (1), fedavg (1), fedbuff (1), fixed (1), mfpt (1)" in done.err
    assert sorted(first_seed.iterdir()) == written


def test_without_a_whole_seed_there_is_no_partial_table(reproduce: Reproduce, tmp_path: Path) -> None:
    done = reproduce("headline", "--seeds", "7", "--partial")
    assert done.code == 1
    assert done.out == ""
    assert "0 of 8 runs are done" in done.err
    assert not (tmp_path / "results").exists()


def test_ctrl_c_shows_the_seeds_that_are_whole(
    first_seed: Path, study_arguments: list[object], study_cache: Path, tmp_path: Path
) -> None:
    options = [*study_arguments, "--out", "interrupted", "--seeds", "0,1"]
    with subprocess.Popen(
        command("reproduction", "headline", *options),
        env=environment(study_cache),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "runs are there already" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "seed 0." in out
    assert "missing: seed 1" in err
    assert not (tmp_path / "interrupted").exists()
