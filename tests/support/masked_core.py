"""The coordinator's core with devices under masks, a clock that the test moves, and messages that it delivers."""

import random
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np

from mfpt_coord.core.effects import Effect, Log, SaveFold, SaveSum, Send
from mfpt_coord.core.events import ClientSaid, Event, MemberSaid, OfferMade, TimePassed
from mfpt_coord.core.machine import step
from mfpt_coord.core.opening import opened
from mfpt_coord.core.order import durable_effects
from mfpt_coord.core.state import initial
from mfpt_coord.server.store import Store
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.grid import Extras
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Privacy, PromptSpec, Task, Training, checked
from mfpt_shared.protocol.messages import ClientState, Down, Offer
from mfpt_shared.tensors import Array, size
from support.coordinator_core import FINGERPRINT, SWAHILI, with_grant
from support.masked_device import NOTHING_MEASURED, MaskedDevice, Said


def masked_plan(min_group: int = 3, privacy: dict[str, Any] | None = None, **aggregation: Any) -> Plan:
    return checked(
        Plan(
            task=Task(labels=("a", "b")),
            backbone=BackboneSpec(width=2, layers=2, fingerprint=FINGERPRINT),
            prompt=PromptSpec(tokens=1),
            training=Training(head_start="zero"),
            aggregation=Aggregation(
                **{"buffer": 3, "start_together": 0, "concurrency": 10, "fold_after": 600.0} | aggregation
            ),
            privacy=Privacy(aggregation="masked", min_group=min_group, **privacy or {}),
        )
    )


class MaskedFederation:
    """A coordinator's core and its devices.

    Attributes:
        mail: What the coordinator has sent to each device, and it has not read.
        sums: What was saved of sums.
    """

    def __init__(self, plan: Plan | None = None, seed: int = 0, store: Store | None = None) -> None:
        self.plan = plan or masked_plan()
        self.state = initial(self.plan)
        self.store = store
        if store is not None:
            store.create(self.state, "c0ffee")
        self.now = 1000.0
        self.devices: dict[str, MaskedDevice] = {}
        self.mail: dict[str, deque[Down]] = {}
        self.effects: list[Effect] = []
        self.sums: list[SaveSum] = []
        self.folds: list[SaveFold] = []
        self.log: list[str] = []
        self.random = random.Random(seed)

    @property
    def values(self) -> int:
        return size(self.state.layout)

    def device(self, name: str, language: LanguageCode = SWAHILI, examples: int = 10) -> MaskedDevice:
        if name not in self.devices:
            randomness = random.Random(f"{name} {self.random.random()}").randbytes
            self.devices[name] = MaskedDevice(name, language, self.plan, randomness, examples)
            self.mail[name] = deque()
        return self.devices[name]

    def feed(self, event: Event) -> list[Effect]:
        self.state, self.effects = step(self.state, event)
        if self.store is not None:
            self.store.commit(durable_effects(self.effects))
        for effect in self.effects:
            match effect:
                case Send(client, message):
                    self.mail.setdefault(client, deque()).append(message)
                case SaveSum():
                    self.sums.append(effect)
                case SaveFold():
                    self.folds.append(effect)
                case Log(text, is_detail=False):
                    self.log.append(text)
        return self.effects

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(TimePassed(self.now))

    def gone(self, name: str) -> None:
        self.feed(ClientSaid(self.now, name, ClientState(state="offline", language=self.devices[name].language)))

    def offers(
        self,
        name: str,
        language: LanguageCode = SWAHILI,
        delta: Array | float = 0.01,
        extras: Extras = NOTHING_MEASURED,
        base: int | None = None,
        examples: int = 10,
    ) -> None:
        """Let a device train from a version that it was assigned, and offer its update."""
        device = self.device(name, language, examples)
        base = self.state.version if base is None else base
        self.state = with_grant(self.state, name, language, base)
        self.says(name, device.trains(base, np.full(self.values, delta, np.float32), extras))

    def says(self, name: str, message: Said) -> None:
        """Let a message of a device arrive."""
        if isinstance(message, Offer):
            self.feed(OfferMade(self.now, name, message, is_stored=self._is_stored(name, message)))
        else:
            self.feed(MemberSaid(self.now, name, message))

    def reads(self, name: str, *, answers: bool = True) -> bool:
        """Let a device read one message, and its answer arrive; tell whether there was one to read."""
        if not self.mail[name]:
            return False
        answer = self.devices[name].hears(self.mail[name].popleft())
        if answer is not None and answers:
            self.says(name, answer)
        return True

    def settles(self, *silent: str) -> None:
        """Let all devices but the silent ones read and answer until nobody has anything to say."""
        names = [name for name in self.devices if name not in silent]
        while any(self.mail[name] for name in names):
            for name in names:
                self.reads(name)

    def starts_again(self) -> None:
        """Start the coordinator anew: what is in memory alone is gone."""
        loaded = replace(self.state, offers=(), cohorts=()) if self.store is None else self.store.load()
        assert loaded is not None
        self.state = opened(loaded, self.now)

    def _is_stored(self, name: str, offer: Offer) -> bool:
        if self.store is not None:
            return self.store.holds(name, offer.sequence, bytes.fromhex(offer.sha256))
        return any(
            (one.client, one.sequence, one.digest.hex()) == (name, offer.sequence, offer.sha256)
            for saved in self.sums
            for one in saved.contribution.survivors
        )
