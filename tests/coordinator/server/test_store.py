"""The contract of a store, run over each that there is: what was committed is there again, and nothing else."""

import random
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from mfpt_coord.core.effects import (
    Durable,
    Effect,
    LookUpDistances,
    SaveClient,
    SaveCounts,
    SaveFold,
    SavePrompt,
    SaveUpdate,
)
from mfpt_coord.core.events import ClientSaid, DistancesFound, Event, TimePassed, UpdateArrived
from mfpt_coord.core.machine import step
from mfpt_coord.core.relations import pair
from mfpt_coord.core.state import Client, State, initial
from mfpt_coord.server.store import SCHEMA_VERSION, SqliteStore, Store
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import (
    ClientState,
    EvaluationReport,
    Metrics,
    Ready,
    Update,
    UpdateCounts,
    UpdateHeader,
)
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import Array, quantise, unflatten

FINGERPRINT = "sha256:" + "0" * 64
LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "eng", "tam"))
CLIENTS = {f"c{number}": LANGUAGES[number % len(LANGUAGES)] for number in range(6)}


def plan_with(**aggregation: Any) -> Plan:
    return Plan(
        task=Task(labels=("a", "b")),
        backbone=BackboneSpec(width=2, layers=2, fingerprint=FINGERPRINT),
        prompt=PromptSpec(tokens=1),
        training=Training(head_start="zero"),  # late updates from version 0 count
        aggregation=Aggregation(**{"buffer": 3, "max_staleness": 2, "concurrency": 2} | aggregation),
    )


PLAN = plan_with()


@dataclass
class Shelf:
    """A store that can be closed and opened again, as after a restart."""

    path: Path
    store: Store
    conflict: type[Exception]

    def reopen(self) -> Store:
        self.store.close()
        self.store = SqliteStore(self.path)
        return self.store


@pytest.fixture(params=["sqlite"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    assert request.param == "sqlite"
    shelf = Shelf(tmp_path / "state.db", SqliteStore(tmp_path / "state.db"), sqlite3.IntegrityError)
    yield shelf
    shelf.store.close()


class History:
    """A random but repeatable life of a federation; every step's durable effects are committed at once."""

    def __init__(self, shelf: Shelf, seed: int, plan: Plan = PLAN) -> None:
        self.shelf = shelf
        self.random = random.Random(seed)
        self.plan = plan
        self.state = initial(plan)
        self.now = 1000.0
        self.sequences = dict.fromkeys(CLIENTS, 0)
        self.saved: dict[str, Client] = {}
        self.looked_up: list[frozenset[LanguageCode]] = []
        shelf.store.create(self.state, "c0ffee")

    def feed(self, event: Event) -> list[Effect]:
        self.state, effects = step(self.state, event)
        for effect in effects:
            if isinstance(effect, SaveClient):
                self.saved[effect.client.id] = effect.client
            elif isinstance(effect, LookUpDistances):
                self.looked_up.append(effect.languages)
        durable = [effect for effect in effects if isinstance(effect, get_args(Durable))]
        if durable:
            self.shelf.store.commit(durable)
        return effects

    def happen(self, steps: int) -> None:
        for _ in range(steps):
            self.now += self.random.uniform(0, 20)
            client = self.random.choice(list(CLIENTS))
            kind = self.random.choices(
                ["update", "ready", "state", "evaluation", "time", "distances", "nonsense", "again"],
                [8, 4, 1, 2, 1, 2, 1, 1],
            )[0]
            getattr(self, f"_{kind}")(client)

    def _ready(self, client: str) -> None:
        examples = self.random.randint(0, 500)
        message = Ready(language=CLIENTS[client], examples=examples, plan=self.plan.digest, backbone=FINGERPRINT)
        self.feed(ClientSaid(self.now, client, message))

    def _state(self, client: str) -> None:
        state: Any = self.random.choice(["online", "offline"])
        self.feed(ClientSaid(self.now, client, ClientState(state=state, language=CLIENTS[client], device="cpu")))

    def _evaluation(self, client: str) -> None:
        message = EvaluationReport(
            language=CLIENTS[client], version=self.state.version, accuracy=self.random.random(), examples=3
        )
        self.feed(ClientSaid(self.now, client, message))

    def _time(self, _client: str) -> None:
        self.now += 700
        self.feed(TimePassed(self.now))

    def _distances(self, _client: str) -> None:
        if self.looked_up:
            languages = sorted(self.looked_up.pop(0))
            found = {
                pair(first, second): {"genetic": self.random.random(), "script": self.random.random()}
                for first in languages
                for second in languages
                if first < second and self.random.random() < 0.7
            }
            self.feed(DistancesFound(self.now, frozenset(languages), found))

    def _nonsense(self, client: str) -> None:
        self.update(client, self.sequences[client] + 1, size=1e7)

    def _again(self, client: str) -> None:
        if self.sequences[client]:
            self.update(client, self.sequences[client])

    def _update(self, client: str) -> None:
        self.sequences[client] += self.random.randint(1, 2)
        self.update(client, self.sequences[client])

    def update(self, client: str, sequence: int, size: float = 1.0) -> list[Effect]:
        numbers = [self.random.uniform(-size, size) for _ in range(8)]
        tensors = unflatten(np.array(numbers, np.float32), self.state.layout)
        packed = {name: quantise(array) for name, array in tensors.items()} if self.random.random() < 0.5 else tensors
        header = UpdateHeader(
            sequence=sequence,
            language=CLIENTS[client],
            base_version=max(0, self.state.version - self.random.randint(0, 3)),
            examples=self.random.randint(0, 500),
            plan=self.plan.digest,
            backbone=FINGERPRINT,
            metrics=Metrics(
                loss=1.0,
                accuracy=self.random.choice([None, self.random.random()]),
                own_accuracy=self.random.choice([None, self.random.random()]),
                validated=self.random.randint(0, 50),
            ),
        )
        payload = encode(Update(header, packed))
        update = decode(CLIENT_UP, payload)
        assert isinstance(update, Update)
        return self.feed(UpdateArrived(self.now, client, update, payload))


def durable_part(client: Client) -> tuple[Any, ...]:
    return (
        *(client.id, client.language, client.examples, client.sequence, client.contributed),
        *(client.seconds, client.accuracy, client.device, client.last_seen),
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
    assert dict(loaded.relations.judgements) == dict(live.relations.judgements)
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
    assert max(seen.times for seen in state.relations.judgements.values()) > 1
    assert bool(state.moments) == (optimiser != "sgd")


def test_the_memory_of_an_optimiser_goes_on_after_a_restart(shelf: Shelf, tmp_path: Path) -> None:
    """The same updates end in the same prompts, with restarts and without."""
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
        # What is not durable is gone: who is online, who trains, what was looked up.
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
    with pytest.raises(sqlite3.OperationalError):
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
