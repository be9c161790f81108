"""Backups: whole, private, and put back as they were, with a key that devices know and an epoch that they follow."""

import shutil
import sqlite3
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from mfpt_coord.core.effects import SaveCounts
from mfpt_coord.core.state import State
from mfpt_coord.server.backup_file import look_through_backup
from mfpt_coord.server.backups import back_up, look_through_folder
from mfpt_coord.server.channel import CoordinatorIdentity
from mfpt_coord.server.data_folder import DATABASE_FILE, compact, open_store
from mfpt_coord.server.encrypted_file import decrypt, encrypt
from mfpt_coord.server.restores import restore
from mfpt_coord.server.serve import open_identity, open_state
from mfpt_coord.server.store import SqliteStore
from mfpt_shared.errors import Damaged, InUse, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.protocol.messages import UpdateCounts
from support.history import PLAN

PASSPHRASE = "hoja na haja"


def begun(folder: Path) -> CoordinatorIdentity:
    """Start a coordinator on a data folder, and end it."""
    folder.mkdir(exist_ok=True)
    with closing(open_store(folder)) as store:
        open_state(store, PLAN)
        return open_identity(folder, store)


def set_rejected(folder: Path, count: int) -> None:
    with closing(open_store(folder)) as store:
        store.commit([SaveCounts(UpdateCounts(rejected=count))])


def state_of(folder: Path) -> State:
    with closing(open_store(folder)) as store:
        state = store.load()
    assert state is not None
    return state


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_a_backup_that_is_put_back_has_the_state_and_the_key_of_its_moment(
    tmp_path: Path, passphrase: str | None
) -> None:
    before = begun(tmp_path / "data")
    set_rejected(tmp_path / "data", 3)
    made = back_up(tmp_path / "data", tmp_path / "backup", passphrase)
    set_rejected(tmp_path / "data", 4)

    restore(tmp_path / "backup", tmp_path / "new", passphrase)

    after = begun(tmp_path / "new")
    assert (after.id, after.key.public) == (before.id, before.key.public)
    assert after.epoch > before.epoch
    assert state_of(tmp_path / "new").counts.rejected == 3
    assert look_through_backup(tmp_path / "backup", passphrase) == made


def test_a_backup_can_be_made_while_a_coordinator_writes(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    done = threading.Event()

    def write() -> None:
        with closing(SqliteStore(tmp_path / "data" / DATABASE_FILE)) as store:
            for count in range(10_000):
                store.commit([SaveCounts(UpdateCounts(rejected=count, stale=count))])
                if done.is_set():
                    return

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for number in range(3):
            back_up(tmp_path / "data", tmp_path / f"{number}")
    finally:
        done.set()
        writing.join()
    for number in range(3):
        restore(tmp_path / f"{number}", tmp_path / f"new{number}")
        counts = state_of(tmp_path / f"new{number}").counts
        assert counts.rejected == counts.stale


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_a_backup_is_its_owners_alone_and_one_file(tmp_path: Path, passphrase: str | None) -> None:
    begun(tmp_path / "data")
    (tmp_path / "out").mkdir()
    back_up(tmp_path / "data", tmp_path / "out" / "backup", passphrase)
    (file,) = (tmp_path / "out").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_encrypted_backup_shows_neither_key_nor_plan(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "backup", PASSPHRASE)
    content = (tmp_path / "backup").read_bytes()
    assert b"PRIVATE KEY" not in content
    assert b"SQLite" not in content


def test_an_encrypted_backup_needs_its_passphrase(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "backup", PASSPHRASE)
    with pytest.raises(UsageError, match="--passphrase-file"):
        restore(tmp_path / "backup", tmp_path / "new")
    with pytest.raises(Damaged, match="passphrase is wrong"):
        restore(tmp_path / "backup", tmp_path / "new", "another")
    assert not (tmp_path / "new" / DATABASE_FILE).exists()


@pytest.mark.parametrize("size", [0, 2 * 65_536])
def test_what_was_encrypted_is_decrypted(tmp_path: Path, size: int) -> None:
    plain, secret, again = (tmp_path / name for name in ("plain", "secret", "again"))
    plain.write_bytes(bytes(number % 251 for number in range(size)))
    encrypt(plain, secret, PASSPHRASE)
    decrypt(secret, again, PASSPHRASE)
    assert again.read_bytes() == plain.read_bytes()


def test_an_encrypted_file_that_was_altered_is_damaged(tmp_path: Path) -> None:
    plain, secret = tmp_path / "plain", tmp_path / "secret"
    plain.write_bytes(bytes(3 * 65_536))
    encrypt(plain, secret, PASSPHRASE)
    content, piece = secret.read_bytes(), 65_536 + 16
    first = len(content) - 3 * piece
    pieces = [content[first + number * piece :][:piece] for number in range(3)]
    cut = content[:-piece]
    swapped = content[:first] + pieces[1] + pieces[0] + pieces[2]
    flipped = content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]
    for altered in (cut, swapped, flipped):
        secret.write_bytes(altered)
        with pytest.raises(Damaged, match="cannot be decrypted"):
            decrypt(secret, tmp_path / "again", PASSPHRASE)


def test_a_later_backup_replaces_an_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    (tmp_path / "thesis").write_text("years of work")
    for _ in range(2):
        back_up(tmp_path / "data", tmp_path / "backup")
    for other in (tmp_path / "thesis", tmp_path / "data" / DATABASE_FILE, tmp_path / "data" / "coordinator.key"):
        with pytest.raises(UsageError, match="not a backup"):
            back_up(tmp_path / "data", other)
    assert (tmp_path / "thesis").read_text() == "years of work"


def test_a_damaged_database_does_not_replace_an_earlier_backup(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    earlier = back_up(tmp_path / "data", tmp_path / "backup")
    with (tmp_path / "data" / DATABASE_FILE).open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * 3 * 4096)
    with pytest.raises(Damaged):
        back_up(tmp_path / "data", tmp_path / "backup")
    with pytest.raises(Damaged):
        look_through_folder(tmp_path / "data")
    assert look_through_backup(tmp_path / "backup", None) == earlier


def test_nothing_is_backed_up_without_the_key(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    (tmp_path / "data" / "coordinator.key").unlink()
    with pytest.raises(Damaged, match=r"coordinator\.key is missing"):
        back_up(tmp_path / "data", tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("change", ["damaged", "not a backup", "a database in use"])
def test_what_is_no_whole_backup_is_not_put_back(tmp_path: Path, change: str) -> None:
    begun(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "backup")
    content = (tmp_path / "backup").read_bytes()
    bad = tmp_path / "bad"
    bad.write_bytes({"damaged": content[: len(content) // 2], "not a backup": b"hello"}.get(change, content))
    if change == "a database in use":
        shutil.copy(tmp_path / "data" / DATABASE_FILE, bad)
    with pytest.raises((Damaged, UsageError), match="backup") as caught:
        restore(bad, tmp_path / "new")
    assert "--data-dir" not in str(caught.value)
    assert not (tmp_path / "new" / DATABASE_FILE).exists()


def test_a_backup_is_not_served_by_its_name_alone(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "backup")
    (tmp_path / "backup").rename(tmp_path / DATABASE_FILE)
    with pytest.raises(Damaged, match="mfpt-coord db restore"):
        open_store(tmp_path)


def test_a_data_folder_in_use_is_moved_aside_only_if_that_is_asked_for(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "backup")
    set_rejected(tmp_path / "data", 9)
    with pytest.raises(UsageError, match="--force"):
        restore(tmp_path / "backup", tmp_path / "data")
    assert state_of(tmp_path / "data").counts.rejected == 9
    for _ in range(2):
        _, aside = restore(tmp_path / "backup", tmp_path / "data", force=True)
    assert state_of(tmp_path / "data").counts.rejected == 0
    assert aside is not None
    kept = sorted(folder for folder in (tmp_path / "data").glob("replaced-*"))
    assert len(kept) == 2
    assert {state_of(folder).counts.rejected for folder in kept} == {0, 9}


def test_a_coordinator_that_runs_is_not_replaced_and_not_compacted(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "backup")
    with owned(tmp_path / "data", "--data-dir"):
        with pytest.raises(InUse, match="stop it first"):
            restore(tmp_path / "backup", tmp_path / "data", force=True)
        with pytest.raises(InUse, match="stop it first"):
            compact(tmp_path / "data")


def test_a_coordinator_does_not_begin_anew_where_a_restore_was_cut_off(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    (tmp_path / "data" / "replaced-1").mkdir()
    for file in list((tmp_path / "data").iterdir()):
        if file.name.startswith("coordinator"):
            file.rename(tmp_path / "data" / "replaced-1" / file.name)
    with pytest.raises(Damaged, match="replaced-1"):
        open_store(tmp_path / "data")


def test_devices_follow_a_restored_coordinator_whose_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "backup")
    last = [begun(tmp_path / "data") for _ in range(3)][-1]
    monkeypatch.setattr(time, "time", lambda: 0.0)
    restore(tmp_path / "backup", tmp_path / "data", force=True)
    assert begun(tmp_path / "data").epoch > last.epoch
    assert "clock is behind" in caplog.text


def test_a_database_is_compacted_and_holds_what_it_held(tmp_path: Path) -> None:
    begun(tmp_path / "data")
    set_rejected(tmp_path / "data", 5)
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE_FILE)) as database:
        database.execute("INSERT INTO meta VALUES ('padding', zeroblob(2000000))")
        database.execute("DELETE FROM meta WHERE key = 'padding'")
        database.commit()
    before, after = compact(tmp_path / "data")
    assert after < before - 1_500_000
    assert state_of(tmp_path / "data").counts.rejected == 5


def test_a_folder_without_a_database_is_named(tmp_path: Path) -> None:
    for command in (look_through_folder, compact, lambda folder: back_up(folder, tmp_path / "backup")):
        with pytest.raises(UsageError, match="--data-dir"):
            command(tmp_path)


def test_a_backup_is_not_written_into_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """It may be on a disk that is not there at the moment."""
    begun(tmp_path / "data")
    with pytest.raises(UsageError, match="make it first"):
        back_up(tmp_path / "data", tmp_path / "no" / "backup")
