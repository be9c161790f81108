"""What a disk does not take waits in memory, and is written when there is room."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mfpt_edge.session.patient_disk import LONGEST_PAUSE_SECONDS, PatientDisk
from mfpt_shared.errors import MfptError

SECONDS = 10.0


class Blocked:
    """A file that cannot be written while a folder is in its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def writer(self, text: str) -> Callable[[], None]:
        def write() -> None:
            self.path.write_text(text, encoding="utf-8")

        return write

    def unblock(self) -> None:
        self.path.rmdir()

    @property
    def content(self) -> str:
        return self.path.read_text(encoding="utf-8")


class Pauses:
    """Takes the place of time: notes how long it was to wait, and goes on when it is told to."""

    def __init__(self, most: int) -> None:
        self.seconds: list[float] = []
        self.over = asyncio.Event()
        self._most = most

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self._most:
            self.over.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, SECONDS))


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


def test_what_can_be_written_is_written_at_once(tmp_path: Path) -> None:
    disk = PatientDisk()
    disk.write("a file", (tmp_path / "file").touch)
    disk.finish()
    assert (tmp_path / "file").exists()


def test_who_waits_for_a_write_goes_on_when_it_is_on_the_disk(tmp_path: Path) -> None:
    async def scenario() -> None:
        file, disk = Blocked(tmp_path / "file"), PatientDisk(at_once)
        waiting = asyncio.create_task(disk.written("a file", file.writer("text")))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        file.unblock()
        await waiting
        assert file.content == "text"

    run(scenario())


def test_only_the_newest_of_a_name_is_written_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        file, disk = Blocked(tmp_path / "file"), PatientDisk()
        disk.write("a file", file.writer("old"))
        disk.write("a file", file.writer("new"))
        file.unblock()
        disk.finish()
        assert file.content == "new"
        await disk.close()

    run(scenario())
    assert [record.message for record in caplog.records if "not on the disk" in record.message] == [
        f"a file is not on the disk, and waits in memory until it is: {tmp_path / 'file'}: Is a directory; "
        "something else is in its place: move that away, or name another one"
    ]


def test_the_pauses_between_attempts_grow_up_to_a_minute(tmp_path: Path) -> None:
    async def scenario() -> None:
        file, pauses = Blocked(tmp_path / "file"), Pauses(most=10)
        disk = PatientDisk(pauses.sleep)
        disk.write("a file", file.writer("text"))
        await pauses.over.wait()
        assert pauses.seconds == [0.25, 0.5, 1, 2, 4, 8, 16, 32, *[LONGEST_PAUSE_SECONDS] * 2]
        await disk.close()

    run(scenario())


def test_the_end_names_what_is_still_not_on_the_disk(tmp_path: Path) -> None:
    async def scenario() -> None:
        disk = PatientDisk()
        disk.write("a file", Blocked(tmp_path / "file").writer("text"))
        with pytest.raises(MfptError, match=r"a file cannot be kept: .*file: Is a directory"):
            disk.finish()
        await disk.close()

    run(scenario())


def test_what_nobody_waits_for_any_more_is_never_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        file, disk = Blocked(tmp_path / "file"), PatientDisk()
        waiting = asyncio.create_task(disk.written("a file", file.writer("text")))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        file.unblock()
        disk.finish()
        assert not file.path.exists()
        await disk.close()

    run(scenario())


def test_an_error_that_is_not_the_disks_is_raised_at_once() -> None:
    def broken() -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        PatientDisk().write("a file", broken)


def test_what_waits_is_told_until_it_is_on_the_disk(tmp_path: Path) -> None:
    told: list[str] = []

    async def scenario() -> None:
        blocked, other = Blocked(tmp_path / "one"), Blocked(tmp_path / "two")
        disk = PatientDisk(at_once, tell=told.append)
        disk.write("update 1", blocked.writer("1"))
        disk.write("the newest prompt", other.writer("2"))
        blocked.unblock()
        other.unblock()
        while told[-1]:
            await asyncio.sleep(0)
        await disk.close()

    run(scenario())
    assert told == [
        "the disk does not take update 1",
        "the disk does not take update 1, the newest prompt",
        "the disk does not take the newest prompt",
        "",
    ]
