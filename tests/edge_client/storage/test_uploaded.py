"""Bytes are counted by the month in which they leave, through restarts."""

from datetime import datetime
from pathlib import Path

import pytest

from mfpt_edge.storage.uploaded import UPLOADED_FILE, WRITE_BYTES, Uploaded


class Calendar:
    def __init__(self) -> None:
        self.today = datetime(2026, 11, 30)

    def now(self) -> datetime:
        return self.today


def test_a_run_goes_on_counting_where_the_last_one_ended(tmp_path: Path) -> None:
    first = Uploaded(tmp_path)
    first.note(300)
    first.note(1000)
    first.close()
    second = Uploaded(tmp_path)
    second.note(50)
    assert second.bytes == 1050


def test_a_new_month_begins_at_nothing_and_keeps_what_was_sent_before_apart(tmp_path: Path) -> None:
    calendar = Calendar()
    uploaded = Uploaded(tmp_path, calendar.now)
    uploaded.note(1000)
    calendar.today = datetime(2026, 12, 1)
    assert uploaded.bytes == 0
    uploaded.note(1200)
    assert uploaded.bytes == 200
    uploaded.close()
    assert Uploaded(tmp_path, calendar.now).bytes == 200


def test_a_run_that_is_killed_has_counted_all_but_two_updates(tmp_path: Path) -> None:
    killed = Uploaded(tmp_path)
    for total in range(0, 10 * WRITE_BYTES + 1, 1000):
        killed.note(total)
    assert Uploaded(tmp_path).bytes > 9 * WRITE_BYTES


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"month":"2026-11","bytes":-3}'])
def test_a_damaged_count_begins_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / UPLOADED_FILE).write_bytes(content)
    assert Uploaded(tmp_path).bytes == 0
