"""What is PostgreSQL's own: who works and who stands by, lost connections, and what the server does not take."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import psycopg
import pytest

from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import SaveClient
from mfpt_coord.core.state import initial
from mfpt_coord.server.data_folder import KEY_FILE, open_key
from mfpt_coord.server.postgres_store import PostgresStore
from mfpt_coord.server.serve import stand_by
from mfpt_coord.server.stored_errors import StoreLost
from mfpt_coord.server.stored_forgetting import KEPT_UPDATES
from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, Damaged, Incompatible, MfptError, UsageError
from support.coordinator_core import SWAHILI
from support.history import PLAN, History, Shelf
from support.postgres import Server, served

PER_FOLD = 3


class Over(Exception):
    """The test has waited long enough."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    return server.new_database()


def give_up(_: float) -> None:
    raise Over


def test_only_one_store_leads_and_the_next_one_does_when_it_is_closed(url: str) -> None:
    first, second = PostgresStore(url), PostgresStore(url)
    first.lead()
    with pytest.raises(Over):
        second.lead(give_up)
    waited = []

    def close_the_first(seconds: float) -> None:
        waited.append(seconds)
        first.close()

    second.lead(close_the_first)
    assert waited
    second.close()


def test_a_store_that_stands_by_takes_over_what_was_committed(url: str) -> None:
    first = PostgresStore(url)
    first.lead()
    history = History(Shelf(Path(), first, MfptError), seed=2)
    history.happen(40)
    second = PostgresStore(url)
    second.lead(lambda _: first.close())
    loaded = second.load()
    assert loaded is not None
    assert (loaded.version, loaded.counts) == (history.state.version, history.state.counts)
    second.close()


def test_who_could_not_take_over_does_not_stand_by(url: str, tmp_path: Path) -> None:
    first, second = PostgresStore(url), PostgresStore(url)
    first.lead()
    first.create(initial(PLAN), "c0ffee")
    key = open_key(tmp_path / KEY_FILE, None, has_run=False)
    first.begin_run(1.0, key.public)
    with pytest.raises(Damaged, match="copy it from the other machine"):
        second.lead(partial(stand_by, second, tmp_path / "empty", None))
    (tmp_path / "other").mkdir()
    open_key(tmp_path / "other" / KEY_FILE, None, has_run=False)
    with pytest.raises(Damaged, match="devices know this coordinator by"):
        second.lead(partial(stand_by, second, tmp_path / "other", None))
    changed = msgspec.structs.replace(PLAN, training=msgspec.structs.replace(PLAN.training, batch_size=4))
    with pytest.raises(Incompatible, match="differ in training"):
        second.lead(partial(stand_by, second, tmp_path, changed))
    first.close()
    second.close()


def test_who_has_lost_the_connection_can_save_nothing_more(server: Server, url: str) -> None:
    store = PostgresStore(url)
    store.lead()
    store.create(initial(PLAN), "c0ffee")
    server.cut_all(url)
    with pytest.raises(StoreLost, match="start again when it is back"):
        store.commit([SaveClient(Client("d1", SWAHILI))])
    with pytest.raises(StoreLost):
        store.holds("d1", 1, b"")
    store.close()
    second = PostgresStore(url)
    second.lead(give_up)
    loaded = second.load()
    assert loaded is not None
    assert loaded.clients == {}
    second.close()


def test_zero_bytes_in_what_a_device_says_of_itself_stop_nothing(url: str) -> None:
    store = PostgresStore(url)
    store.create(initial(PLAN), "c0ffee")
    store.commit([SaveClient(replace(Client("d1", SWAHILI), device="cpu\0, 2 cores"))])
    loaded = store.load()
    assert loaded is not None
    assert loaded.clients["d1"].device == "cpu, 2 cores"
    store.close()


def test_old_rows_go_and_totals_stay(url: str) -> None:
    history = History(Shelf(Path(), PostgresStore(url), MfptError, lambda _: PostgresStore(url)), seed=3)
    for _ in range(KEPT_UPDATES + 12):
        history.sequences["c1"] += 1
        history.now += 10
        history.update("c1", history.sequences["c1"])
    loaded = history.shelf.reopen().load()
    history.shelf.store.close()
    assert loaded is not None
    assert (loaded.counts, loaded.contributed) == (history.state.counts, history.state.contributed)
    with contextlib.closing(psycopg.connect(url)) as connection:
        rows, payloads = connection.execute("SELECT count(*), count(payload) FROM mfpt.updates").fetchone() or (0, 0)
    assert rows <= KEPT_UPDATES + PER_FOLD
    assert payloads == len(history.state.buffer)


def test_a_database_of_another_version_is_refused(url: str) -> None:
    with contextlib.closing(PostgresStore(url)) as store:
        store.create(initial(PLAN), "c0ffee")
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("UPDATE mfpt.meta SET value = '99' WHERE key = 'schema'")
    with contextlib.closing(PostgresStore(url)) as store, pytest.raises(Incompatible, match="schema version 99"):
        store.lead()


def test_what_is_wrong_with_the_url_is_said_without_its_password(server: Server) -> None:
    with pytest.raises(UsageError, match="--store"):
        PostgresStore("postgresql://user:secret@/x?no_such_option=1")
    with pytest.raises(ConnectionFailed, match="does the database exist") as caught:
        PostgresStore(server.url("nowhere"))
    assert "secret" not in str(caught.value)
    with pytest.raises(AuthenticationFailed):
        PostgresStore(f"postgresql://nobody_known:secret@/postgres?host={server.folder}")
    with pytest.raises(ConnectionFailed):
        PostgresStore("postgresql://user:secret@127.0.0.1:1/x")
