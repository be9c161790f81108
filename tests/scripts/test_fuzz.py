"""`scripts/fuzz` at toy size: everything that reads bytes is in it, and refuses damage with declared errors only."""

from pathlib import Path

import pytest

from support.scripts import run_script

INPUTS = 4000


@pytest.mark.slow
def test_damaged_inputs_are_read_or_refused(tmp_path: Path) -> None:
    done = run_script("fuzzing", "--inputs", INPUTS, "--processes", 1, "--json", cache=tmp_path, cwd=tmp_path)
    assert done.answer["findings"] == []
    assert done.code == 0, done.err
    assert done.answer["inputs"] >= INPUTS
    for target, counts in done.answer["targets"].items():
        assert 0 < counts["refused"] <= counts["inputs"], target
