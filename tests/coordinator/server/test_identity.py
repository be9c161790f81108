"""Who a coordinator is, from one run to the next."""

import itertools
import shutil
import time
from pathlib import Path

import pytest

from mfpt_coord.server.channel import CoordinatorIdentity
from mfpt_coord.server.serve import open_identity, open_state
from mfpt_coord.server.store import SqliteStore
from support.federation import tiny_plan


def started(folder: Path) -> CoordinatorIdentity:
    folder.mkdir(exist_ok=True)
    store = SqliteStore(folder / "coordinator.sqlite")
    try:
        open_state(store, tiny_plan())
        return open_identity(folder, store)
    finally:
        store.close()


def test_a_restored_copy_is_later_than_every_run_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = itertools.count(1_750_000_000, 3600)
    monkeypatch.setattr(time, "time", lambda: float(next(hours)))
    first = started(tmp_path / "data")
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    runs = [first, *(started(tmp_path / "data") for _ in range(5)), started(tmp_path / "copy")]
    assert [run.epoch for run in runs] == sorted({run.epoch for run in runs})
    assert len({run.key.public for run in runs}) == 1


def test_a_clock_that_was_set_back_makes_no_run_earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_750_000_000.0)
    before = started(tmp_path / "data").epoch
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert started(tmp_path / "data").epoch > before
