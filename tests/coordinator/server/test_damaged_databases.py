"""Databases that cannot be used are refused in one line, as they were found; nothing is mistaken for a new one."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mfpt_coord.core.effects import SaveCounts, SaveInvitation
from mfpt_coord.server.data_folder import DATABASE_FILE, open_store
from mfpt_coord.server.serve import open_identity, open_state
from mfpt_coord.server.store import SqliteStore
from mfpt_coord.server.stored_log import log_of
from mfpt_shared.errors import Damaged, Incompatible, InUse, MfptError
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.messages import UpdateCounts
from support.admitting import invitation
from support.history import PLAN

Change = Callable[[Path], object]


def rejected_in(database: Path) -> int:
    """Return what a new start finds in the books: how many updates were rejected."""
    with closing(SqliteStore(database)) as store:
        loaded = store.load()
        assert loaded is not None
        return loaded.counts.rejected


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a coordinator that ran once and ended."""
    folder = tmp_path_factory.mktemp("used")
    with closing(open_store(folder)) as store:
        open_state(store, PLAN)
        open_identity(folder, store)
    return folder


@pytest.fixture
def database(used_folder: Path, tmp_path: Path) -> Path:
    """The database of a data folder that was in use."""
    shutil.copytree(used_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path / DATABASE_FILE


def execute(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(text)
        database.commit()


def of_another_program(path: Path) -> None:
    path.unlink()
    execute(path, "CREATE TABLE bookmarks (url)")


def with_another_log(path: Path) -> None:
    other = path.with_name("other")
    with closing(sqlite3.connect(other, isolation_level=None)) as foreign:
        foreign.execute("PRAGMA journal_mode = WAL")
        foreign.execute("CREATE TABLE bookmarks (url)")
        shutil.copy(log_of(other), log_of(path))


def with_a_damaged_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * 3 * 4096)


def a_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, tuple[Change, str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "half copied": (lambda path: os.truncate(path, 8192), "copied halfway"),
    "a text": (lambda path: path.write_text("hello" * 100), "not a database"),
    "of another program": (of_another_program, "another program"),
    "of another log": (with_another_log, "copied alone"),
    "a damaged page": (with_a_damaged_page, "is damaged"),
    "a damaged plan": (lambda path: execute(path, "UPDATE meta SET value = x'ff' WHERE key = 'plan'"), "plan"),
    "no plan": (lambda path: execute(path, "DELETE FROM meta WHERE key = 'plan'"), "no plan"),
    "a damaged prompt": (lambda path: execute(path, "UPDATE prompts SET vector = x'0001'"), "cannot be read"),
    "a folder": (a_folder, "not a file"),
    "removed": (lambda path: path.unlink(), "missing"),
    "an older copy's name": (lambda path: path.rename(path.with_name("copy")), "missing"),
    "a link to nothing": (a_link_to_nothing, "missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_database_that_cannot_be_used_is_refused_with_advice_and_stays_as_it_was(database: Path, damage: str) -> None:
    change, said = DAMAGES[damage]
    change(database)
    before = {file: file.read_bytes() for file in (database, log_of(database)) if file.is_file()}
    with pytest.raises(Damaged, match=said) as caught:
        open_store(database.parent).load()
    assert "restore" in str(caught.value)
    assert "--data-dir" in str(caught.value)
    assert {file: file.read_bytes() for file in before} == before


def test_a_folder_that_was_never_used_gets_a_new_store(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with closing(open_store(tmp_path)) as store:
        assert store.load() is None


def test_a_start_that_was_cut_off_leaves_no_database(tmp_path: Path) -> None:
    """Until its first prompts are on the disk, a store is new: the next start begins again."""
    with closing(open_store(tmp_path)):
        assert not (tmp_path / DATABASE_FILE).exists()


@pytest.mark.parametrize("junk", [b"", b"x" * 100_000], ids=["empty", "long"])
def test_a_stale_index_of_the_log_is_made_again(database: Path, junk: bytes) -> None:
    database.with_name(f"{DATABASE_FILE}-shm").write_bytes(junk)
    with closing(open_store(database.parent)) as store:
        loaded = store.load()
        assert loaded is not None
        assert loaded.plan == PLAN


def test_a_database_of_a_later_version_is_incompatible(database: Path) -> None:
    execute(database, "PRAGMA user_version = 4711")
    with pytest.raises(Incompatible, match="later mfpt-coord"):
        open_store(database.parent)


@pytest.mark.slow  # it waits a second for the lock
def test_a_database_that_another_program_has_locked_is_in_use(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InUse, match="locked by another program"):
            open_store(database.parent)


@pytest.mark.parametrize("change", [Path.unlink, lambda file: file.write_bytes(SigningKey.generate().to_pem())])
def test_a_coordinator_that_devices_know_does_not_start_without_its_key(database: Path, change: Change) -> None:
    change(database.with_name("coordinator.key"))
    with closing(open_store(database.parent)) as store, pytest.raises(Damaged, match=r"coordinator\.key .*backup"):
        open_identity(database.parent, store)


def as_killed_now(path: Path, into: Path) -> Path:
    """Return a copy of the files as a coordinator leaves them that is killed now."""
    into.mkdir()
    for file in (path, log_of(path)):
        shutil.copy(file, into)
    return into / path.name


def test_a_log_that_a_killed_coordinator_left_is_read(database: Path, tmp_path: Path) -> None:
    with closing(SqliteStore(database)) as store:
        for count in range(5):
            store.commit([SaveCounts(UpdateCounts(rejected=count))])
            if count % 2:
                store.forget(0.0)
        left = as_killed_now(database, tmp_path / "left")
    assert log_of(left).stat().st_size > 0
    for _ in range(2):
        assert rejected_in(left) == 4


def test_an_older_copy_is_not_mixed_with_the_log_of_a_later_moment(database: Path, tmp_path: Path) -> None:
    older = shutil.copy(database, tmp_path / "older")
    with closing(SqliteStore(database)) as store:
        for count in range(3):
            store.commit([SaveCounts(UpdateCounts(rejected=count))])
            store.forget(0.0)
        store.commit([SaveCounts(UpdateCounts(rejected=9))])
        left = as_killed_now(database, tmp_path / "left")
    shutil.copy(older, left)
    with pytest.raises(Damaged, match="copied alone"):
        SqliteStore(left)


@pytest.mark.parametrize("names", [("",), ("-wal",), ("", "-wal"), ("", "-wal", "-shm")], ids=" and ".join)
def test_files_that_are_removed_while_the_store_is_open_are_written_again(
    database: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    with closing(SqliteStore(database)) as store:
        store.commit([SaveCounts(UpdateCounts(rejected=1))])
        for name in names:
            database.with_name(DATABASE_FILE + name).unlink()
        store.commit([SaveCounts(UpdateCounts(rejected=2))])
        left = as_killed_now(database, tmp_path / "left")
    for path in (left, database):
        assert rejected_in(path) == 2


def test_a_log_that_is_removed_while_somebody_reads_costs_nothing_and_waits_for_him(
    database: Path, tmp_path: Path
) -> None:
    with closing(SqliteStore(database)) as store, closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM meta").fetchall()
        store.commit([SaveCounts(UpdateCounts(rejected=1))])
        database.with_name(f"{DATABASE_FILE}-wal").unlink()
        with pytest.raises(MfptError, match="is needed"):
            store.commit([SaveCounts(UpdateCounts(rejected=2))])
        reader.execute("COMMIT")
        reader.close()
        store.commit([SaveCounts(UpdateCounts(rejected=3))])
        left = as_killed_now(database, tmp_path / "left")
    assert rejected_in(left) == 3


def test_a_database_that_was_replaced_while_the_store_is_open_ends_it_and_nothing_is_lost(
    database: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(database, tmp_path / "copy"))
    with closing(SqliteStore(database)) as store:
        store.commit([SaveCounts(UpdateCounts(rejected=1))])
        copy.replace(database)
        with pytest.raises(Damaged, match="rescued"):
            store.commit([SaveCounts(UpdateCounts(rejected=2))])
    assert rejected_in(database.with_suffix(".rescued")) == 1


@pytest.mark.parametrize("then", ["commits", "empties the log", "is closed"])
def test_a_file_that_is_overwritten_while_the_store_is_open_ends_it_and_is_not_mixed_with_the_log(
    database: Path, tmp_path: Path, then: str
) -> None:
    older = database.read_bytes()
    store = SqliteStore(database)
    store.commit([SaveCounts(UpdateCounts(rejected=1))])
    store.compact()
    store.commit([SaveCounts(UpdateCounts(rejected=2))])
    database.write_bytes(older)
    actions = {
        "commits": lambda: store.commit([SaveCounts(UpdateCounts(rejected=3))]),
        "empties the log": store.compact,
        "is closed": store.close,
    }
    with pytest.raises(Damaged, match="wrote over"):
        actions[then]()
    store.close()
    assert database.read_bytes() == older
    with pytest.raises(Damaged, match="does not belong"):
        SqliteStore(database)


def test_a_file_whose_time_changes_while_the_store_is_open_does_no_harm(database: Path) -> None:
    with closing(SqliteStore(database)) as store:
        os.utime(database, (1.0, 1.0))
        store.commit([SaveCounts(UpdateCounts(rejected=1))])
        os.utime(database, (2.0, 2.0))


def test_a_page_that_is_damaged_while_the_store_is_open_is_told_as_damage(database: Path) -> None:
    with closing(SqliteStore(database)) as store:
        with database.open("r+b") as file:
            file.seek(2 * 4096)
            file.write(b"\xff" * (database.stat().st_size - file.tell()))
        with pytest.raises(Damaged, match=r"is damaged|wrote over"):
            store.commit([SaveInvitation(invitation())])


def test_a_folder_that_has_gone_while_the_store_is_open_is_told(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    moved = database.rename(folder / DATABASE_FILE)
    with closing(SqliteStore(moved)) as store:
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(Damaged, match="rescued"):
            store.commit([SaveCounts(UpdateCounts(rejected=1))])


def test_a_folder_that_is_away_for_a_while_is_waited_for(database: Path, tmp_path: Path) -> None:
    disk, away = tmp_path / "disk", tmp_path / "away"
    (disk / "data").mkdir(parents=True)
    moved = database.rename(disk / "data" / DATABASE_FILE)
    with closing(SqliteStore(moved)) as store:
        disk.rename(away)
        disk.write_text("in the way", encoding="ascii")
        with pytest.raises(MfptError) as caught:
            store.commit([SaveCounts(UpdateCounts(rejected=1))])
        assert not isinstance(caught.value, Damaged)
        disk.unlink()
        away.rename(disk)
        store.commit([SaveCounts(UpdateCounts(rejected=2))])
