"""What operators did is in the database: who, what and when, and no more lines than are kept."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mfpt_coord.commands.app import app
from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.audit import Actor, Deed
from mfpt_coord.core.effects import SaveDeed
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import DeviceRenamed, DeviceRevoked, Event, InvitationWithdrawn, Invited
from mfpt_coord.server import stored_audit
from mfpt_coord.server.actors import this_user
from mfpt_coord.server.backups import back_up
from mfpt_coord.server.control import ask, control_socket
from mfpt_coord.server.data_folder import DATABASE_FILE, open_store
from mfpt_coord.server.orders import AnyOrder, AnyReport, Done, ListDevices
from mfpt_coord.server.postgres_store import PostgresStore
from mfpt_coord.server.restores import restore
from mfpt_coord.server.serve import open_identity, open_state
from mfpt_coord.server.store import SqliteStore
from mfpt_coord.server.stored_audit import deeds
from mfpt_coord.server.stored_reading import read_rows
from support.history import PLAN, History, Shelf
from support.postgres import served
from support.sealing import key_of

ADA = Actor("ada", 1007)
TOKEN = "t0"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with served() as server:
        yield server.new_database()


def orders() -> list[Event]:
    made = Invitation(TOKEN, b"\0" * 32, "device", None, None, 3, None, 1.0)
    return [
        Invited(1.0, made, "secret", ADA),
        DeviceRenamed(2.0, "c0", "phone", ADA),
        DeviceRevoked(3.0, "c0", ADA),
        InvitationWithdrawn(4.0, TOKEN, ADA),
        InvitationWithdrawn(5.0, TOKEN, ADA),
    ]


EXPECTED = [
    Deed(1.0, ADA, "invite", TOKEN, "device, 3 uses"),
    Deed(2.0, ADA, "rename", "c0", "'' is now 'phone'"),
    Deed(3.0, ADA, "revoke", "c0", "phone"),
    Deed(4.0, ADA, "withdraw", TOKEN),
]


def obeyed(history: History) -> None:
    history.state = replace(history.state, enrolments=Entries.of({"c0": Enrolment("c0", key_of("c0").public)}))
    for order in orders():
        history.feed(order)
    history.shelf.store.close()


def test_what_operators_did_is_in_the_file_and_what_changed_nothing_is_not(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    obeyed(History(Shelf(path, SqliteStore(path), sqlite3.IntegrityError), seed=1))
    assert read_rows(path, deeds) == EXPECTED


def test_what_operators_did_is_in_postgresql_as_well(database: str) -> None:
    store = PostgresStore(database)
    store.lead()
    obeyed(History(Shelf(Path(), store, ValueError), seed=1))
    assert read_rows(database, deeds) == EXPECTED


def test_the_newest_lines_are_kept_and_starts_push_out_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_audit, "KEPT_DEEDS", 3)
    monkeypatch.setattr(stored_audit, "KEPT_STARTS", 2)
    path = tmp_path / "state.db"
    history = History(Shelf(path, SqliteStore(path), sqlite3.IntegrityError), seed=1)
    history.shelf.store.commit([SaveDeed(Deed(float(number), ADA, "revoke")) for number in range(5)])
    history.shelf.store.commit([SaveDeed(Deed(float(number), ADA, "start")) for number in range(5, 10)])
    history.shelf.store.close()
    assert [deed.at for deed in read_rows(path, deeds)] == [2.0, 3.0, 4.0, 8.0, 9.0]


@pytest.mark.network
def test_an_order_comes_with_the_user_at_the_other_end_of_the_socket(tmp_path: Path) -> None:
    seen = []

    async def obey(_: AnyOrder, by: Actor) -> AnyReport:
        seen.append(by)
        return Done()

    async def scenario() -> None:
        async with control_socket(tmp_path, obey):
            await asyncio.to_thread(ask, tmp_path, ListDevices())

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert seen == [this_user()]
    assert seen[0].uid == os.getuid()


def test_a_backup_that_was_put_back_says_so_to_people_and_to_programs(tmp_path: Path) -> None:
    folder, new = tmp_path / "data", tmp_path / "new"
    folder.mkdir()
    with closing(open_store(folder)) as store:
        open_state(store, PLAN)
        open_identity(folder, store)
        store.commit([SaveDeed(Deed(1.0, ADA, "plan", "abc", "buffer: 1 -> 2"))])
    back_up(folder, tmp_path / "backup")
    restore(tmp_path / "backup", new)
    printed = CliRunner().invoke(app, ["audit", "--data-dir", str(new), "--json"])
    first, second = json.loads(printed.stdout)["audit"]
    assert first == {
        "at": 1.0,
        "user": "ada",
        "uid": 1007,
        "action": "plan",
        "subject": "abc",
        "detail": "buffer: 1 -> 2",
    }
    assert (second["action"], second["uid"]) == ("restore", os.getuid())
    assert [deed.action for deed in read_rows(folder / DATABASE_FILE, deeds)] == ["plan"]
    shown = CliRunner().invoke(app, ["audit", "--data-dir", str(new)]).stdout
    assert "ada" in shown
    assert "restored a backup" in shown
