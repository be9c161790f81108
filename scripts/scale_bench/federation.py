"""Federations of a size: as the store holds one, and with all its devices online."""

import os
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import Durable, SaveClient, SaveEnrolment, SavePrompt
from mfpt_coord.core.events import ClientSaid, UpdateArrived
from mfpt_coord.core.machine import step
from mfpt_coord.core.state import State, initial
from mfpt_coord.server.store import SqliteStore
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode, is_language
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Task
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Ready, Tensors, Update, UpdateHeader
from mfpt_shared.tensors import layout, quantise_with_feedback

BUFFER: Final = 64
"""Updates of a fold, in a federation of any size."""
_EXAMPLES: Final = 500
"""Most examples of a device; each has another number."""
_AT_WORK: Final = 10
"""One device of so many is at work at a time."""


class Size(NamedTuple):
    """How large a federation is."""

    devices: int
    languages: int

    @property
    def names(self) -> list[str]:
        """Ids of the devices."""
        return [f"device-{number:07}" for number in range(self.devices)]

    def language_of(self, name: str) -> LanguageCode:
        """Return the language of a device; they take turns."""
        return _codes(self.languages)[int(name[-7:]) % self.languages]

    def examples_of(self, name: str) -> int:
        """Return the examples of a device, from 1 on, as by chance."""
        return 1 + crc32(name.encode()) % _EXAMPLES

    @property
    def plan(self) -> Plan:
        """A plan with updates of about 11 kB: 20 x 384 virtual tokens and a head of 7 labels, in 8 bits."""
        places = max(1, self.devices // _AT_WORK)
        return Plan(
            task=Task(labels=tuple(f"label {index}" for index in range(7))),
            backbone=BackboneSpec(fingerprint=""),
            aggregation=Aggregation(buffer=BUFFER, start_together=0, concurrency=places),
        )


@lru_cache(maxsize=1)
def _codes(number: int) -> list[LanguageCode]:
    """Return the first languages of ISO 639-3, in the order of their codes."""
    every = (LanguageCode("".join(letters)) for letters in product(ascii_lowercase, repeat=3))
    return list(islice(filter(is_language, every), number))


def store_federation(size: Size, file: Path) -> None:
    """Write a federation to a database, with all its devices and a prompt for each language."""
    begun = initial(size.plan)
    store = SqliteStore(file)
    store.create(begun, "bench")
    store.commit(list(_stored(size, begun)))
    store.close()


def _stored(size: Size, begun: State) -> Iterator[Durable]:
    prompt = next(iter(begun.prompts.values()))
    for language in dict.fromkeys(map(size.language_of, size.names[: size.languages])):
        yield SavePrompt(language, 0, prompt)
    for name in size.names:
        language = size.language_of(name)
        yield SaveClient(
            Client(name, language, size.examples_of(name), seconds=300.0, device="a laptop", last_seen=1.0)
        )
        yield SaveEnrolment(Enrolment(name, PublicKey(os.urandom(32)), language=language))


def announced(size: Size, state: State, name: str, at: float) -> ClientSaid:
    """Return a device's announcement that it is ready."""
    plan = state.plan
    message = Ready(
        language=size.language_of(name),
        examples=size.examples_of(name),
        plan=plan.digest,
        backbone=plan.backbone.fingerprint,
        session=1,
        number=1,
    )
    return ClientSaid(at, name, message)


def brought(state: State, name: str, delta: Tensors, at: float) -> UpdateArrived:
    """Return a device's first update, from the newest version."""
    header = UpdateHeader(
        sequence=1,
        language=state.clients[name].language,
        base_version=state.version,
        examples=state.clients[name].examples,
        plan=state.plan.digest,
        backbone=state.plan.backbone.fingerprint,
    )
    update = Update(header, delta)
    return UpdateArrived(at, name, update, encode(update))


def small_delta(plan: Plan) -> Tensors:
    """Return a small random change of a prompt, quantised to 8 bits."""
    rng = np.random.default_rng(0)
    change = {name: (0.001 * rng.standard_normal(shape)).astype(np.float32) for name, shape in layout(plan).items()}
    return quantise_with_feedback(change, None)[0]


def all_ready(size: Size, state: State, at: float) -> State:
    """Return a state in which all devices are online and ready, and every place is taken."""
    for name in size.names:
        state, _ = step(state, announced(size, state, name, at))
    return state
