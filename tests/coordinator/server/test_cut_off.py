"""Commands on a data folder that are killed: before each file that they open, rename or remove."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest

from mfpt_coord.core.effects import SaveCounts
from mfpt_coord.server.backup_file import look_through_backup
from mfpt_coord.server.backups import back_up
from mfpt_coord.server.data_folder import compact, open_store
from mfpt_coord.server.restores import restore
from mfpt_coord.server.serve import open_identity, open_state
from mfpt_shared.errors import Damaged
from mfpt_shared.protocol.messages import UpdateCounts
from support.history import PLAN

pytestmark = pytest.mark.slow

Work = Callable[[], object]

_EVENTS: Final = {"open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect"}
_KILLED: Final = 137


def killed_at(number: int, work: Work) -> bool:
    """Do something in a process that ends before the event of that number; tell whether it came so far."""
    child = os.fork()
    if child == 0:
        count = 0

        def kill(event: str, _: tuple[object, ...]) -> None:
            nonlocal count
            count += event in _EVENTS
            if count > number:
                os._exit(_KILLED)

        code = 1
        with suppress(BaseException):
            sys.addaudithook(kill)
            work()
            code = 0
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, _KILLED)
    return code == _KILLED


def cut_off(folder: Path, work: Callable[[Path], object]) -> Iterator[Path]:
    """Give a copy of the folder for each point at which the work can be killed, after that has happened."""
    number, goes_on = 0, True
    while goes_on:
        copy = folder.with_name(f"{folder.name}{number}")
        shutil.copytree(folder, copy)
        goes_on = killed_at(number, lambda: work(copy))  # noqa: B023 - called at once
        yield copy
        shutil.rmtree(copy)
        number += 1
    assert number > 10


def begin(data: Path) -> None:
    with closing(open_store(data)) as store:
        open_state(store, PLAN)
        open_identity(data, store)


def count_in(data: Path) -> int | None:
    """Return a number that the database holds; None if a new federation would begin."""
    with closing(open_store(data)) as store:
        state = store.load()
    return None if state is None else state.counts.rejected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a data folder whose database holds 2, and a backup of when it held 1."""
    place = tmp_path / "place"
    data = place / "data"
    data.mkdir(parents=True)
    begin(data)
    for count in (1, 2):
        with closing(open_store(data)) as store:
            store.commit([SaveCounts(UpdateCounts(rejected=count))])
        if count == 1:
            back_up(data, place / "backup")
    return place


def test_a_first_start_that_is_killed_can_be_made_again(tmp_path: Path) -> None:
    (tmp_path / "place" / "data").mkdir(parents=True)
    for place in cut_off(tmp_path / "place", lambda place: begin(place / "data")):
        begin(place / "data")
        assert count_in(place / "data") == 0


def test_a_backup_that_is_killed_leaves_the_earlier_one(folder: Path) -> None:
    for place in cut_off(folder, lambda place: back_up(place / "data", place / "backup")):
        look_through_backup(place / "backup", None)
        assert count_in(place / "data") == 2


def test_a_restore_that_is_killed_begins_no_new_federation_and_can_be_made_again(folder: Path) -> None:
    found = set()
    for place in cut_off(folder, lambda place: restore(place / "backup", place / "data", force=True)):
        try:
            count = count_in(place / "data")
            begin(place / "data")
        except Damaged:
            count = -1
        found.add(count)
        restore(place / "backup", place / "data", force=True)
        begin(place / "data")
        assert count_in(place / "data") == 1
    assert found == {2, -1, 1}


def test_compacting_that_is_killed_loses_nothing(folder: Path) -> None:
    for place in cut_off(folder, lambda place: compact(place / "data")):
        assert count_in(place / "data") == 2
