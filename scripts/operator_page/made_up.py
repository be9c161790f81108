"""A federation that nobody ever ran: languages in families, thousands of devices, and a past with good and bad turns.

Everything goes through the coordinator's own core and store; only the devices, and what they say, are made up.
"""

import hashlib
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.audit import Actor
from mfpt_coord.core.effects import Durable, Effect, SaveEnrolment
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import ClientSaid, DeviceRevoked, DistancesFound, Event, Invited, UpdateArrived
from mfpt_coord.core.machine import step
from mfpt_coord.core.order import durable_effects
from mfpt_coord.core.relations import Distances, pair
from mfpt_coord.core.state import initial
from mfpt_coord.server.store import SqliteStore
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode, is_language
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Metrics, Ready, Update, UpdateHeader
from mfpt_shared.tensors import unflatten

COMMON: Final = (
    "swh yor hau zul xho amh ibo kin lug som sna tsn wol lin orm tir nya sot bem ewe fon twi bam ful arb heb pes urd "
    "hin ben tam tel mar guj pan mal kan npi sin mya khm lao tha vie ind tgl ceb jav sun msa mlg fra eng por spa"
)
_FAMILY: Final = 8
_NEAR, _FAR = 0.15, 0.75
_EXAMPLES: Final = 120
_HELD_OUT: Final = 40
_STEP_SECONDS: Final = 1800.0
_UPDATES: Final = 64
_FIRST: Final = 400
"""Devices that make the past; the others come in its end."""
_NAMES: Final = ("radio", "school", "clinic", "library", "market", "town hall")
_KINDS: Final = ("laptop, 4 cores", "phone, 8 cores", "desktop, 6 cores", "Raspberry Pi 5", "tablet, 8 cores")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a federation is, and how long its past."""

    languages: int = 200
    devices: int = 5000
    versions: int = 40


class MadeUp:
    """A federation that lives as long as it takes to make its past.

    Attributes:
        state: As it is in the end, with devices that are there and at work.
        now: The end of its past, Unix seconds.
    """

    def __init__(self, size: Size, file: Path, now: float, seed: int = 16) -> None:
        """Make a federation, and write it to a new database."""
        self._size, self._random = size, random.Random(seed)
        self._codes = _codes(size.languages)
        self._sequences = dict.fromkeys(range(size.devices), 0)
        self._waiting: list[Durable] = []
        self.now = now - (size.versions + 1) * _STEP_SECONDS
        self.state = replace(initial(_plan(size)), open=False)
        store = SqliteStore(file, keep=math.inf)
        store.create(self.state, "made-up")
        self._invite()
        self._arrive()
        self._relate()
        for _ in range(size.versions):
            self._make_version()
            store.commit(self._waiting)
            self._waiting.clear()
        self._settle(now)
        store.commit(self._waiting)
        store.close()

    def _feed(self, event: Event) -> Sequence[Effect]:
        self.state, effects = step(self.state, event)
        self._waiting += durable_effects(effects)
        return effects

    def _invite(self) -> None:
        for number, code in enumerate(self._codes[:12]):
            made = Invitation(f"invitation-{number:02}", b"", "device", code, None, number, None, self.now)
            self._feed(Invited(self.now, made, "", Actor("ada", 1000)))

    def _arrive(self) -> None:
        """Admit all devices, and let them say that they are ready."""
        enrolments = {}
        for number in range(self._size.devices):
            name, code = _name(number), self._code_of(number)
            key = PublicKey(hashlib.sha256(name.encode()).digest())
            token = f"invitation-{self._random.randrange(12):02}"
            enrolments[name] = Enrolment(
                name, key, language=code, name=f"{_NAMES[number % len(_NAMES)]} {number}", token=token, at=self.now
            )
        self.state = replace(self.state, enrolments=Entries.of(enrolments))
        self._waiting += [SaveEnrolment(one) for one in enrolments.values()]
        for number in range(min(_FIRST, self._size.devices)):
            self._announce(number)

    def _announce(self, number: int) -> None:
        plan = self.state.plan
        examples = _EXAMPLES + self._random.randrange(400)
        message = Ready(
            language=self._code_of(number), examples=examples, plan=plan.digest, backbone="", session=1, number=1
        )
        self._feed(ClientSaid(self.now, _name(number), message))

    def _relate(self) -> None:
        codes = self._codes
        family = {code: place // _FAMILY for place, code in enumerate(codes)}
        found: Distances = {
            pair(one, other): {"genetic": (_NEAR if family[one] == family[other] else _FAR) + self._random.random() / 5}
            for one, other in combinations(codes, 2)
        }
        self._feed(DistancesFound(self.now, frozenset(codes), found))

    def _make_version(self) -> None:
        version = self.state.version
        while self.state.version == version:
            self.now += _STEP_SECONDS / _UPDATES / 2
            name = self._random.choice([name for _, name in self._working()])
            self._bring(name)
        self.now += _STEP_SECONDS / 2

    def _working(self) -> list[tuple[float, str]]:
        working = self.state.clients.indices.working
        return sorted(one for devices in working.values() for one in devices)

    def _bring(self, name: str) -> None:
        number, client = int(name[-5:]), self.state.clients[name]
        self._sequences[number] += 1
        header = UpdateHeader(
            sequence=self._sequences[number],
            language=client.language,
            base_version=self.state.version,
            examples=client.examples,
            plan=self.state.plan.digest,
            backbone="",
            metrics=Metrics(
                loss=1.0,
                accuracy=self._accuracy(client.language),
                validated=_HELD_OUT,
                own_share=self._own(client.language),
            ),
        )
        delta = np.random.default_rng(len(self._waiting)).normal(0, 0.01, self._values).astype(np.float32)
        update = Update(header, unflatten(delta, self.state.layout))
        self._feed(UpdateArrived(self.now, name, update, encode(update)))

    @property
    def _values(self) -> int:
        return sum(math.prod(shape) for shape in self.state.layout.values())

    def _accuracy(self, code: LanguageCode) -> float | None:
        """Return how accurate a language's prompt is by now: most learn, some do not, a few lose what they had."""
        place, version = self._codes.index(code), self.state.version
        if place % 23 == 7:
            return None
        gain = 0.02 if place % 11 == 5 else 0.3
        learned = 0.4 + (place % 7) / 40 + gain * (1 - math.exp(-version / 9))
        if place % 41 == 3 and version > self._size.versions * 0.7:
            learned -= 0.22
        return min(1.0, max(0.0, learned + self._random.gauss(0, 0.012)))

    def _own(self, code: LanguageCode) -> float:
        return round(min(1.0, 0.1 + (self._codes.index(code) % 9) / 12 + self._random.random() / 20), 3)

    def _settle(self, now: float) -> None:
        """Let the devices be as they are at some moment: at work, gone, failing, and what else there is."""
        self.now = now
        for number in range(_FIRST, self._size.devices):
            self._announce(number)
        for number in range(self._size.devices):
            name = _name(number)
            client = self.state.clients[name]
            said = replace(client, device=self._random.choice(_KINDS), last_seen=self.now - self._random.random() * 500)
            chance = self._random.random()
            if chance < 0.35:
                said = replace(
                    said, state="offline", phase="idle", last_seen=self.now - 86_400 * self._random.random() * 9
                )
            elif chance < 0.4:
                said = replace(said, ready=False, phase="preparing")
            elif chance < 0.403:
                said = replace(said, grants=(1, 2, 3, 4), assignment=None)
            elif said.assignment is not None:
                said = replace(said, progress=round(self._random.random(), 2), state="online")
            else:
                said = replace(said, state="online")
            if chance > 0.995:
                said = replace(said, epsilon=round(7.5 + self._random.random() / 2, 2))
            self.state = replace(self.state, clients=self.state.clients.plus(said))
        for number in range(0, self._size.devices, max(1, self._size.devices // 7)):
            self._feed(DeviceRevoked(self.now, _name(number), Actor("ada", 1000)))

    def _code_of(self, number: int) -> LanguageCode:
        """Return the language of a device: a few languages have many, and each has one."""
        count = len(self._codes)
        return self._codes[number if number < count else int(count * (number * 0.618 % 1) ** 2)]


def _name(number: int) -> str:
    return f"{hashlib.sha256(str(number).encode()).hexdigest()[:6]}-{number:05}"


def _codes(number: int) -> list[LanguageCode]:
    first = COMMON.split()
    known: Iterable[str] = (*first, *(one for one in _every_code() if one not in first))
    return [LanguageCode(code) for code, _ in zip(known, range(number), strict=False)]


def _every_code() -> Iterable[str]:
    letters = "aeioumnkltsbdgrwyz"
    return (code for code in (a + b + c for a in letters for b in letters for c in letters) if is_language(code))


def _plan(size: Size) -> Plan:
    plan = Plan(
        federation="villages",
        task=Task(labels=("good", "bad")),
        backbone=BackboneSpec(uri="path:none", width=8, layers=2),
        prompt=PromptSpec(tokens=2),
        aggregation=Aggregation(
            buffer=min(_UPDATES, size.devices),
            start_together=0,
            concurrency=500,
            fold_after=1e6,
            proximity="fixed",
            temperature=0.2,
        ),
        privacy=Privacy(clip_norm=1.0, noise="local", noise_multiplier=1.0, epsilon=8.0),
    )
    return msgspec.convert(msgspec.to_builtins(plan), Plan)
