"""The contract of a store, run over every implementation: what was committed is there again, and nothing else."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import (
    Durable,
    SaveClient,
    SaveCounts,
    SaveEnrolment,
    SaveFold,
    SaveInvitation,
    SavePrompt,
    SaveUpdate,
)
from mfpt_coord.core.events import DevicesUnheard, RolledBack, TimePassed
from mfpt_coord.core.state import State, initial
from mfpt_coord.server.postgres_store import PostgresStore
from mfpt_coord.server.store import SqliteStore
from mfpt_coord.server.stored_schema import SCHEMA_VERSION
from mfpt_shared.errors import Incompatible, MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import UpdateCounts
from mfpt_shared.tensors import Array
from support.admitting import enrolled, invitation
from support.coordinator_core import SWAHILI
from support.history import LANGUAGES, PLAN, History, Shelf, plan_with
from support.postgres import Server, served


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    path = tmp_path / "state.db"
    if request.param == "sqlite":
        shelf = Shelf(path, SqliteStore(path), sqlite3.IntegrityError)
    else:
        url = request.getfixturevalue("postgres").new_database()
        shelf = Shelf(path, PostgresStore(url), MfptError, lambda _: PostgresStore(url))
    yield shelf
    shelf.store.close()


def durable_part(client: Client) -> tuple[Any, ...]:
    return (
        *(client.id, client.language, client.examples, client.sequence, client.contributed),
        *(client.seconds, client.accuracy, client.device, client.last_seen),
        *(client.session, client.announced, client.grants),
    )


def assert_same(loaded: State | None, live: State, saved: dict[str, Client]) -> None:
    assert loaded is not None
    assert loaded.plan == live.plan
    assert loaded.version == live.version
    assert {language: vector.tobytes() for language, vector in loaded.prompts.items()} == {
        language: vector.tobytes() for language, vector in live.prompts.items()
    }
    assert [
        (one.client, one.header, one.language, one.staleness, one.delta.tobytes(), one.at) for one in loaded.buffer
    ] == [(one.client, one.header, one.language, one.staleness, one.delta.tobytes(), one.at) for one in live.buffer]
    assert {name: durable_part(client) for name, client in loaded.clients.items()} == {
        name: durable_part(client) for name, client in saved.items()
    }
    assert {name: client.sequence for name, client in loaded.clients.items() if client.sequence} == {
        name: client.sequence for name, client in live.clients.items() if client.sequence
    }
    assert dict(loaded.contributed) == dict(live.contributed)
    assert loaded.counts == live.counts
    assert dict(loaded.staleness) == dict(live.staleness)
    assert {key: dict(known) for key, known in loaded.relations.distances.items()} == {
        key: dict(known) for key, known in live.relations.distances.items() if known
    }
    assert dict(loaded.relations.comparisons) == dict(live.relations.comparisons)
    assert dict(loaded.relations.shares) == dict(live.relations.shares)
    assert dict(loaded.usual) == dict(live.usual)
    assert dict(loaded.best) == dict(live.best)
    assert dict(loaded.standings) == dict(live.standings)
    assert exactly(loaded.directions) == exactly(live.directions)
    assert exactly(loaded.moments) == exactly(live.moments)


def exactly(arrays: Mapping[LanguageCode, Array]) -> dict[LanguageCode, tuple[str, tuple[int, ...], bytes]]:
    return {language: (str(array.dtype), array.shape, array.tobytes()) for language, array in arrays.items()}


def test_a_new_store_holds_nothing(shelf: Shelf) -> None:
    assert shelf.store.load() is None
    assert shelf.reopen().load() is None


def test_a_created_store_holds_the_first_prompts(shelf: Shelf) -> None:
    shelf.store.create(initial(PLAN), "c0ffee")
    assert_same(shelf.reopen().load(), initial(PLAN), {})


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happened_is_there_after_a_restart(shelf: Shelf, seed: int) -> None:
    history = History(shelf, seed)
    for _ in range(4):
        history.happen(25)
        assert_same(shelf.reopen().load(), history.state, history.saved)
    assert history.state.version > 3
    assert min(history.state.counts.rejected, history.state.counts.duplicate, history.state.counts.stale) > 0


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
def test_what_folds_have_taught_is_there_after_a_restart(shelf: Shelf, optimiser: str) -> None:
    history = History(shelf, seed=7, plan=plan_with(optimiser=optimiser, zero_shot=("xho",)))
    for _ in range(3):
        history.happen(25)
        assert_same(shelf.reopen().load(), history.state, history.saved)
    state = history.state
    assert set(state.directions) == set(LANGUAGES)
    assert max(seen.times for seen in state.relations.comparisons.values()) > 1
    assert {language for language, _ in state.relations.shares} == set(LANGUAGES)
    assert any(share.disagreement not in (0.0, math.log(0.5)) for share in state.relations.shares.values())
    assert bool(state.moments) == (optimiser != "sgd")


def test_a_version_that_goes_back_is_there_after_a_restart_and_so_is_the_best_one(shelf: Shelf) -> None:
    history = History(shelf, seed=7, plan=plan_with(optimiser="adam"))
    history.happen(60)
    found = {one: (best.version, shelf.store.prompt(one, best.version)) for one, best in history.state.best.items()}
    back = {one: (version, vector) for one, (version, vector) in found.items() if vector is not None}
    assert back.keys() == found.keys() != set()
    history.feed(RolledBack(history.now, back))
    assert_same(shelf.reopen().load(), history.state, history.saved)
    assert exactly(history.state.prompts).items() >= exactly({one: vector for one, (_, vector) in back.items()}).items()


def test_what_forgotten_devices_have_contributed_is_there_after_a_restart(shelf: Shelf) -> None:
    history = History(shelf, seed=5)
    history.happen(80)
    history.feed(TimePassed(history.now + 1000.0))  # folds what waits
    before = history.state
    history.feed(DevicesUnheard(history.now + 1000.0, 900.0))
    assert len(before.clients) > len(history.state.clients)
    history.saved = {name: one for name, one in history.saved.items() if name in history.state.clients}
    assert_same(shelf.reopen().load(), history.state, history.saved)
    assert (history.state.contributed, history.state.counts) == (before.contributed, before.counts)


def test_the_memory_of_an_optimiser_goes_on_after_a_restart(shelf: Shelf, tmp_path: Path) -> None:
    """The same updates lead to the same prompts, with and without restarts."""
    plan = plan_with(optimiser="adam", buffer=1, max_staleness=5)
    other = Shelf(tmp_path / "other.db", SqliteStore(tmp_path / "other.db"), shelf.conflict)
    restarted, unbroken = History(shelf, seed=8, plan=plan), History(other, seed=8, plan=plan)
    for sequence in range(1, 6):
        unbroken.update("c0", sequence)
        restarted.update("c0", sequence)
        loaded = shelf.reopen().load()
        assert loaded is not None
        restarted.state = loaded
    other.store.close()
    assert restarted.state.version == unbroken.state.version == 5
    assert exactly(restarted.state.prompts) == exactly(unbroken.state.prompts)


def test_a_federation_goes_on_after_a_restart(shelf: Shelf) -> None:
    history = History(shelf, seed=11)
    for _ in range(5):
        history.happen(15)
        loaded = shelf.reopen().load()
        assert loaded is not None
        # Who is online, who is training and what was looked up is not durable.
        history.state, history.looked_up = loaded, []
    assert_same(shelf.reopen().load(), history.state, history.saved)
    assert history.state.version > 3


def test_nobody_is_online_or_in_training_after_a_restart(shelf: Shelf) -> None:
    history = History(shelf, seed=1)
    history.happen(30)
    loaded = shelf.reopen().load()
    assert loaded is not None
    assert loaded.clients
    assert {(client.state, client.ready, client.assignment) for client in loaded.clients.values()} == {
        ("offline", False, None)
    }


def some_update(history: History, client: str = "c0") -> SaveUpdate:
    (effect,) = [effect for effect in history.update(client, 100) if isinstance(effect, SaveUpdate)]
    return effect


def test_a_commit_with_a_duplicate_update_changes_nothing(shelf: Shelf) -> None:
    history = History(shelf, seed=2)
    history.happen(20)
    duplicate = some_update(history)
    before, saved = history.state, dict(history.saved)
    effects: list[Durable] = [
        SaveCounts(UpdateCounts(rejected=999)),
        SaveClient(Client("new", LANGUAGES[0], sequence=9)),
        SavePrompt(LanguageCode("xho"), 0, np.zeros(8, np.float32)),
        duplicate,
    ]
    with pytest.raises(shelf.conflict):
        shelf.store.commit(effects)
    assert_same(shelf.store.load(), before, saved)
    assert_same(shelf.reopen().load(), before, saved)


def test_a_fold_that_exists_already_is_refused_and_changes_nothing(shelf: Shelf) -> None:
    history = History(shelf, seed=3)
    folds: list[SaveFold] = []
    while not folds:
        history.sequences["c1"] += 1
        folds = [effect for effect in history.update("c1", history.sequences["c1"]) if isinstance(effect, SaveFold)]
    before, saved = history.state, dict(history.saved)
    with pytest.raises(shelf.conflict):
        shelf.store.commit([SaveCounts(UpdateCounts(rejected=999)), folds[0]])
    assert_same(shelf.reopen().load(), before, saved)


def test_a_commit_works_after_one_that_failed(shelf: Shelf) -> None:
    history = History(shelf, seed=4)
    duplicate = some_update(history)
    with pytest.raises(shelf.conflict):
        shelf.store.commit([duplicate])
    history.happen(30)
    assert_same(shelf.reopen().load(), history.state, history.saved)


def test_effects_that_break_off_change_nothing(shelf: Shelf) -> None:
    history = History(shelf, seed=5)
    history.happen(20)

    def effects() -> Iterator[Durable]:
        yield SaveCounts(UpdateCounts(rejected=999))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf.store.commit(effects())
    assert_same(shelf.reopen().load(), history.state, history.saved)


def test_a_store_is_not_created_over_another(shelf: Shelf) -> None:
    history = History(shelf, seed=6)
    history.happen(20)
    with pytest.raises((sqlite3.OperationalError, MfptError)):
        shelf.store.create(initial(PLAN), "other")
    assert_same(shelf.reopen().load(), history.state, history.saved)


def test_a_coordinator_keeps_its_id(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.create(initial(PLAN), "c0ffee")
    store.close()
    store = SqliteStore(tmp_path / "state.db")
    assert store.coordinator == "c0ffee"
    store.close()


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99])
def test_a_file_of_another_schema_version_is_incompatible(tmp_path: Path, version: int) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(path)
    store.create(initial(PLAN), "c0ffee")
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    with pytest.raises(Incompatible, match=rf"{version}.*--data-dir"):
        SqliteStore(path)


def test_invitations_enrolments_and_assignments_are_there_after_a_restart(shelf: Shelf) -> None:
    made, known = invitation(expires=2000.5, max_examples=9, uses=3), enrolled("d1", name="phone", revoked=7.5)
    client = Client("d1", SWAHILI, session=4, announced=7, grants=(2, 3))
    shelf.store.create(initial(PLAN), "c0ffee")
    shelf.store.commit([SaveInvitation(invitation()), SaveEnrolment(enrolled("d1")), SaveClient(client)])
    shelf.store.commit([SaveInvitation(made), SaveEnrolment(known)])
    loaded = shelf.reopen().load()
    assert loaded is not None
    assert (loaded.invitations, loaded.enrolments) == ({made.id: made}, {"d1": known})
    assert loaded.clients == {"d1": client}


def test_examples_that_do_not_count_do_not_count_after_a_restart_either(shelf: Shelf) -> None:
    history = History(shelf, seed=3, plan=plan_with(buffer=5))
    history.state = replace(history.state, enrolments={"c0": enrolled("c0", max_examples=1)})
    history.update("c0", 1)
    loaded = shelf.reopen().load()
    assert loaded is not None
    assert [update.header for update in loaded.buffer] == [update.header for update in history.state.buffer]
    assert loaded.buffer[0].header.examples <= 1
