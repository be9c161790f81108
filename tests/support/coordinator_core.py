"""The coordinator's core with a clock that the test moves, for tests that tell it what happens."""

from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import numpy as np

from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import Effect, SaveFold, SaveUpdate, Send
from mfpt_coord.core.events import ClientSaid, DistancesFound, Event, TimePassed, UpdateArrived
from mfpt_coord.core.grants import granted
from mfpt_coord.core.machine import step
from mfpt_coord.core.relations import pair
from mfpt_coord.core.state import State, initial
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    ClientState,
    Down,
    EvaluationReport,
    Ready,
    Reject,
    Resync,
    Stop,
    Tensors,
    Update,
    UpdateHeader,
)
from mfpt_shared.tensors import Array, unflatten

FINGERPRINT = "sha256:" + "0" * 64
SWAHILI, ZULU, ENGLISH = LanguageCode("swh"), LanguageCode("zul"), LanguageCode("eng")
DownT = TypeVar("DownT", bound=Down)
EffectT = TypeVar("EffectT", bound=Effect)


class Federation:
    """A coordinator's core with a clock that the test moves."""

    def __init__(self, last_version: int | None = None, head_start: Any = "zero", **aggregation: Any) -> None:
        plan = Plan(
            task=Task(labels=("a", "b")),
            backbone=BackboneSpec(width=2, layers=2, fingerprint=FINGERPRINT),
            prompt=PromptSpec(tokens=1),
            training=Training(head_start=head_start),
            aggregation=Aggregation(
                **{"buffer": 2, "start_together": 0, "concurrency": 10, "fold_after": 600.0} | aggregation
            ),
        )
        self.state = replace(initial(plan), last_version=last_version)
        self.now = 1000.0
        self.number = 0
        self.effects: list[Effect] = []
        self.stored: set[tuple[str, int, bytes]] = set()

    def feed(self, event: Event) -> None:
        self.state, self.effects = step(self.state, event)
        for saved in self.only(SaveUpdate):
            self.stored.add((saved.contribution.client, saved.contribution.header.sequence, saved.payload))

    def ready(
        self,
        client: str,
        language: LanguageCode = SWAHILI,
        examples: int = 10,
        *,
        plan: str | None = None,
        backbone: str = FINGERPRINT,
    ) -> None:
        digest = self.state.plan.digest if plan is None else plan
        self.number += 1
        message = Ready(
            language=language, examples=examples, plan=digest, backbone=backbone, session=1, number=self.number
        )
        self.feed(ClientSaid(self.now, client, message))

    def says(self, client: str, state: Any = "online", language: LanguageCode = SWAHILI, **more: Any) -> None:
        self.feed(ClientSaid(self.now, client, ClientState(state=state, language=language, **more)))

    def hears(self, client: str, message: EvaluationReport) -> None:
        self.feed(ClientSaid(self.now, client, message))

    def update(
        self,
        client: str,
        sequence: int = 1,
        language: LanguageCode = SWAHILI,
        base: int | None = None,
        delta: Array | float = 0.5,
        tensors: Tensors | None = None,
        *,
        assigned: bool = True,
        **header: Any,
    ) -> None:
        """Send an update, as if the device had been assigned the version that it is from, unless told otherwise."""
        about: dict[str, Any] = {
            "examples": 10,
            "plan": self.state.plan.digest,
            "backbone": FINGERPRINT,
            "base_version": self.state.version if base is None else base,
        }
        vector = np.full(8, delta, np.float32)
        message = Update(
            UpdateHeader(sequence=sequence, language=language, **about | header),
            tensors if tensors is not None else unflatten(vector, self.state.layout),
        )
        if assigned:
            self.state = with_grant(self.state, client, language, message.header.base_version)
        payload = encode(message)
        is_stored = (client, sequence, payload) in self.stored
        self.feed(UpdateArrived(self.now, client, message, payload, is_stored=is_stored))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(TimePassed(self.now))

    def finds(self, languages: set[LanguageCode], **genetic: float) -> None:
        """Find distances between `swh` and the languages that are given by name."""
        found = {pair(SWAHILI, LanguageCode(other)): {"genetic": value} for other, value in genetic.items()}
        self.feed(DistancesFound(self.now, languages, found))

    def sent(self, client: str) -> list[Down]:
        return [effect.message for effect in self.effects if isinstance(effect, Send) and effect.client == client]

    def told(self, client: str) -> list[Down]:
        """What was sent, without the `ready` or the bytes that it answers."""
        return [_without_question(message) for message in self.sent(client)]

    def only(self, kind: type[EffectT]) -> list[EffectT]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def has_fold(self) -> bool:
        return bool(self.only(SaveFold))


def with_grant(state: State, client: str, language: LanguageCode, version: int) -> State:
    """Return a state in which a device has been assigned a version."""
    known = state.clients.get(client) or Client(client, language)
    return replace(state, clients=state.clients.plus(granted(known, version)))


def _without_question(message: Down) -> Down:
    if isinstance(message, Ack | Reject | Resync):
        return msgspec.structs.replace(message, sha256="")
    if isinstance(message, Assign):
        return msgspec.structs.replace(message, session=0, ready=0, turn=0)
    return msgspec.structs.replace(message, session=0, ready=0) if isinstance(message, Stop) else message
