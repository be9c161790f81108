"""The machine: folders that can be written to and have room, a full disk, and what is only slower."""

import asyncio
import sys
from pathlib import Path

import pytest

from mfpt_edge.doctor.examination import Answer, Check, Line, examine
from mfpt_edge.doctor.machine import Cached, Room, libraries
from mfpt_edge.host.extras import how_to_install
from support.small_disk import small_disk


def room(folder: Path, *, least: int = 0, is_needed: bool = True) -> Line:
    look = Room(folder, least, "--state-dir", is_needed=is_needed)
    return asyncio.run(examine([Check("disk", look)])).lines[0]


def test_a_folder_that_is_missing_is_looked_at_where_it_would_be_made_and_is_not_made(tmp_path: Path) -> None:
    found = room(tmp_path / "not" / "here")
    assert found.level == "ok"
    assert f"{tmp_path} can be written to" in found.found
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_little_room_is_a_warning(tmp_path: Path) -> None:
    assert room(tmp_path, least=2**60).level == "warning"


def test_a_full_disk_is_told_with_its_folder_and_the_mend(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        disk.fill()
        found = room(disk.path / "state")
        cache = room(disk.path / "cache", is_needed=False)
    assert (found.level, found.exit_code) == ("failed", 1)
    assert "No space left on device" in found.found
    assert found.mend == "make room there, or name another place (--state-dir)"
    assert (cache.level, cache.exit_code) == ("warning", 0)


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("x", encoding="utf-8")
    found = room(tmp_path / "state")
    assert found.exit_code == 1
    assert str(tmp_path / "state") in found.found


def test_a_cache_says_how_much_it_holds(tmp_path: Path) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "one").write_bytes(bytes(3_000_000))
    answer: Answer = asyncio.run(Cached(tmp_path)())
    assert "holds 3 MB" in answer.found


def test_an_installation_that_only_predicts_lacks_nothing_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # what Python has where an import was forbidden
    found = asyncio.run(libraries())
    assert (found.level, found.exit_code) == ("warning", 0)
    assert "mfpt-edge join needs them" in found.found


def test_who_has_no_pip_is_not_told_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", asyncio)  # any that is there
    assert how_to_install("edge") == "pip install 'mfpt[edge]'"
    monkeypatch.setitem(sys.modules, "pip", None)
    assert "pip install" not in how_to_install("edge")
