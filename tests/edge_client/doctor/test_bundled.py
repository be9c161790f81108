"""The bundled backbone's data file: missing, damaged, and what to do about it."""

import asyncio
from pathlib import Path

import pytest

from mfpt_edge.bundled.place import fetched_file
from mfpt_edge.doctor.bundled import bundled_backbone
from mfpt_edge.doctor.examination import Check, Line, examine


def found() -> Line:
    return asyncio.run(examine([Check("backbone", bundled_backbone)])).lines[0]


def test_one_that_is_missing_is_a_warning_that_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.path", [])
    line = found()
    assert (line.level, line.exit_code) == ("warning", 0)
    assert line.mend is not None
    assert "mfpt-edge backbone fetch" in line.mend


def test_one_that_is_damaged_is_a_failed_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    kept = fetched_file()
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"E5S1")
    line = found()
    assert (line.level, line.exit_code) == ("failed", 7)
    assert str(kept) in line.found
