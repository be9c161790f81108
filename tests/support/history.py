"""Random but repeatable lives of a federation, every step of which is committed to a store."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import Effect, LookUpDistances, SaveClient
from mfpt_coord.core.events import ClientSaid, DistancesFound, Event, TimePassed, UpdateArrived
from mfpt_coord.core.machine import step
from mfpt_coord.core.order import durable_effects
from mfpt_coord.core.relations import pair
from mfpt_coord.core.state import initial
from mfpt_coord.server.store import SqliteStore, Store
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import ClientState, EvaluationReport, Metrics, Ready, Update, UpdateHeader
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import quantise, unflatten
from support.coordinator_core import with_grant

FINGERPRINT = "sha256:" + "0" * 64
LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "eng", "tam"))
CLIENTS = {f"c{number}": LANGUAGES[number % len(LANGUAGES)] for number in range(6)}


def plan_with(**aggregation: Any) -> Plan:
    return Plan(
        task=Task(labels=("a", "b")),
        backbone=BackboneSpec(width=2, layers=2, fingerprint=FINGERPRINT),
        prompt=PromptSpec(tokens=1),
        training=Training(head_start="zero"),  # late updates from version 0 count
        aggregation=Aggregation(
            **{"buffer": 3, "start_together": 0, "max_staleness": 2, "concurrency": 2} | aggregation
        ),
    )


PLAN = plan_with()


@dataclass
class Shelf:
    """A store that can be closed and opened again, as after a restart."""

    path: Path
    store: Store
    conflict: type[Exception]
    opens: Callable[[Path], Store] = SqliteStore

    def reopen(self) -> Store:
        self.store.close()
        self.store = self.opens(self.path)
        return self.store


class History:
    """A random but repeatable life of a federation; every step's durable effects are committed at once."""

    def __init__(self, shelf: Shelf, seed: int, plan: Plan = PLAN) -> None:
        self.shelf = shelf
        self.random = random.Random(seed)
        self.plan = plan
        self.state = initial(plan)
        self.now = 1000.0
        self.sequences = dict.fromkeys(CLIENTS, 0)
        self.last: dict[str, bytes] = {}
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
        if durable := durable_effects(effects):
            self.shelf.store.commit(durable)
            self.shelf.store.erase()
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
        if client in self.last:
            self.arrives(client, self.last[client])

    def _update(self, client: str) -> None:
        self.sequences[client] += self.random.randint(1, 2)
        self.update(client, self.sequences[client])

    def update(self, client: str, sequence: int, size: float = 1.0) -> list[Effect]:
        numbers = [self.random.uniform(-size, size) for _ in range(8)]
        tensors = unflatten(np.array(numbers, np.float32), self.state.layout)
        packed = {name: quantise(array) for name, array in tensors.items()} if self.random.random() < 0.5 else tensors
        base = max(0, self.state.version - self.random.randint(0, 3))
        self.state = with_grant(self.state, client, CLIENTS[client], base)
        header = UpdateHeader(
            sequence=sequence,
            language=CLIENTS[client],
            base_version=base,
            examples=self.random.randint(0, 500),
            plan=self.plan.digest,
            backbone=FINGERPRINT,
            metrics=Metrics(
                loss=1.0,
                accuracy=self.random.choice([None, self.random.random()]),
                own_share=self.random.choice([None, self.random.random()]),
                validated=self.random.randint(0, 50),
            ),
        )
        payload = encode(Update(header, packed))
        if size == 1.0:
            self.last[client] = payload
        return self.arrives(client, payload)

    def arrives(self, client: str, payload: bytes) -> list[Effect]:
        update = decode(CLIENT_UP, payload)
        assert isinstance(update, Update)
        is_stored = self.shelf.store.holds(client, update.header.sequence, update_digest(payload))
        return self.feed(UpdateArrived(self.now, client, update, payload, is_stored=is_stored))
