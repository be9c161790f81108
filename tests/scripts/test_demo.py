"""The demo at the size of a toy."""

from pathlib import Path

import pytest

from support.scripts import run_script


@pytest.mark.slow
def test_the_demo_reports_every_device(tmp_path: Path) -> None:
    options = ("--folds", 2, "--languages", "sw,zu", "--examples", 10, "--json")
    done = run_script("demo", *options, cache=tmp_path / "cache", cwd=tmp_path)
    assert done.code == 0, done.err
    assert set(done.answer["devices"]) == {"sw", "zu"}
    assert all(0 <= device["accuracy_personal"] <= 1 for device in done.answer["devices"].values())
