"""What other processes on the same machine can read of a running device."""

from dataclasses import replace
from pathlib import Path

from mfpt_edge.session.doing_file import WRITE_SECONDS, DoingFile
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.doing import Doing, said
from mfpt_shared.folders import owned

WAITING = Snapshot(link="no coordinator", phase="idle", waits_for="no coordinator since 14:02", waits_since=7.0)


def test_what_a_running_device_waits_for_can_be_read_while_it_runs_and_not_after(tmp_path: Path) -> None:
    with owned(tmp_path, "--state-dir"):
        file = DoingFile(tmp_path, lambda: 0.0)
        file.update(WAITING)
        expected = Doing(
            link="no coordinator", phase="idle", waiting_for="no coordinator since 14:02", waiting_since=7.0
        )
        assert said(tmp_path) == expected
        file.close()
        assert said(tmp_path) is None


def test_a_device_that_was_killed_does_not_run_although_its_file_is_there(tmp_path: Path) -> None:
    with owned(tmp_path, "--state-dir"):
        DoingFile(tmp_path, lambda: 0.0).update(WAITING)
    assert said(tmp_path) is None


def test_other_words_for_the_same_wait_are_written_a_little_later(tmp_path: Path) -> None:
    now = 0.0

    with owned(tmp_path, "--state-dir"):
        file = DoingFile(tmp_path, lambda: now)
        for waits_for in ("zul (69 %)", "zul (70 %)"):
            file.update(replace(WAITING, waits_for=waits_for))
        doing = said(tmp_path)
        assert doing is not None
        assert doing.waiting_for == "zul (69 %)"
        now = WRITE_SECONDS
        file.update(replace(WAITING, waits_for="zul (71 %)"))
        assert said(tmp_path) != doing


def test_a_file_that_is_damaged_or_missing_says_nothing(tmp_path: Path) -> None:
    with owned(tmp_path, "--state-dir"):
        assert said(tmp_path) is None
        (tmp_path / "doing.json").write_bytes(b'{"link": 3')
        assert said(tmp_path) is None


def test_a_full_disk_does_not_end_the_device(tmp_path: Path) -> None:
    DoingFile(tmp_path / "missing", lambda: 0.0).update(WAITING)
