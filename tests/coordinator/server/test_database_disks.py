"""A coordinator's database and its backups on a disk that is full or read-only."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mfpt_coord.core.effects import SaveCounts
from mfpt_coord.server.backup_file import look_through_backup
from mfpt_coord.server.backups import back_up, look_through_folder
from mfpt_coord.server.data_folder import open_store
from mfpt_coord.server.restores import restore
from mfpt_coord.server.serve import open_identity, open_state
from mfpt_shared.errors import MfptError
from mfpt_shared.protocol.messages import UpdateCounts
from support.brokers import embedded
from support.history import PLAN
from support.small_disk import SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", kilobytes=1024) as disk:
        yield disk


def begin(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with closing(open_store(folder)) as store:
        open_state(store, PLAN)
        open_identity(folder, store)


def told(error: MfptError) -> str:
    assert error.exit_code == 1
    return str(error)


def test_a_new_database_that_finds_no_room_is_not_there(disk: SmallDisk) -> None:
    data = disk.path / "data"
    data.mkdir()
    disk.fill()
    with pytest.raises(MfptError) as caught:
        begin(data)
    assert "full" in told(caught.value) or "No space" in told(caught.value)
    disk.make_room()
    begin(data)
    assert look_through_folder(data).version == 0


def test_what_finds_no_room_is_saved_when_there_is_room(disk: SmallDisk) -> None:
    data = disk.path / "data"
    begin(data)
    with closing(open_store(data)) as store:
        disk.fill()
        with pytest.raises(MfptError) as caught:
            for count in range(1000):
                store.commit([SaveCounts(UpdateCounts(rejected=count))])
        assert "make room" in told(caught.value)
        disk.make_room()
        store.commit([SaveCounts(UpdateCounts(rejected=4711))])
    with closing(open_store(data)) as store:
        state = store.load()
    assert state is not None
    assert state.counts.rejected == 4711


def test_a_read_only_database_is_told_as_one(disk: SmallDisk) -> None:
    data = disk.path / "data"
    begin(data)
    disk.set_read_only(read_only=True)
    with pytest.raises(MfptError) as caught, closing(open_store(data)) as store:
        open_identity(data, store)
    assert str(data) in told(caught.value)
    disk.set_read_only(read_only=False)
    begin(data)


def test_a_backup_that_finds_no_room_leaves_the_earlier_one(disk: SmallDisk, tmp_path: Path) -> None:
    begin(tmp_path / "data")
    earlier = back_up(tmp_path / "data", disk.path / "backup")
    disk.fill()
    with pytest.raises(MfptError) as caught:
        back_up(tmp_path / "data", disk.path / "backup")
    assert str(disk.path) in told(caught.value)
    assert look_through_backup(disk.path / "backup", None) == earlier


def test_a_restore_that_finds_no_room_changes_nothing(disk: SmallDisk, tmp_path: Path) -> None:
    data = disk.path / "data"
    begin(data)
    back_up(data, tmp_path / "backup")
    before = sorted(file.name for file in data.iterdir())
    disk.fill()
    with pytest.raises(MfptError) as caught:
        restore(tmp_path / "backup", data, force=True)
    assert str(data) in told(caught.value)
    disk.make_room()
    assert sorted(file.name for file in data.iterdir() if file.name != "lock") == before
    begin(data)


@pytest.mark.network
def test_a_broker_that_finds_no_room_is_told_as_that_and_not_waited_for(disk: SmallDisk) -> None:
    async def scenario() -> None:
        async with embedded(disk.path):
            raise AssertionError("it cannot start")

    disk.fill()
    with pytest.raises(OSError, match="No space left on device"):
        asyncio.run(asyncio.wait_for(scenario(), 10))
