"""The topics of the protocol, one row each, all below `mfpt/v1/<federation>/`.

A row says who publishes, whether the broker retains the last message, how it is subscribed to, and what the payload is.
Everything is published with QoS 1, except for the first beat of a connection. The *key* of a topic is a language, the
id of a client or the id of an invitation's token.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.messages import (
    Beat,
    Challenge,
    ChallengeAnswer,
    ClientState,
    CoordinatorState,
    Down,
    Enrol,
    EnrolAnswer,
    FederationStatus,
    LanguageRelations,
    Masked,
    PlanNotice,
    Progress,
    Prompt,
    Update,
    UpJson,
)
from mfpt_shared.transport.base import Qos

ROOT: Final = "mfpt/v1"

# What `+` may be. A topic with anything else there, above all with another wildcard, is not of this protocol.
_LANGUAGE: Final = re.compile(r"[a-z]{3}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table.

    Attributes:
        name: Levels below the federation; `+` is the key.
        sender: Side that publishes it.
        retain: Whether the broker keeps the last message for those who subscribe later.
        json: Type of a JSON payload; None if it is always a frame.
        frames: Types of binary frames; none if it is always JSON.
        qos: Quality of service of subscriptions: 0 where nothing is lost with a message, because the broker keeps the
            newest, or because whoever waits for it asks again.
    """

    name: str
    sender: Literal["coordinator", "client"]
    retain: bool
    json: object | None = None
    frames: tuple[type[Prompt | Update | Masked], ...] = ()
    qos: Qos = 1

    def path(self, federation: str, key: str = "") -> str:
        """Return the full topic for a federation and a key; without a key, a filter for all keys."""
        return f"{ROOT}/{federation}/{self.name.replace('+', key) if key else self.name}"


COORDINATOR_STATE: Final = Topic("coord/state", "coordinator", retain=True, json=CoordinatorState, qos=0)
COORDINATOR_STATUS: Final = Topic("coord/status", "coordinator", retain=True, json=FederationStatus, qos=0)
COORDINATOR_PROGRESS: Final = Topic("coord/progress", "coordinator", retain=True, json=Progress, qos=0)
LANGUAGE_RELATIONS: Final = Topic("coord/relations/+", "coordinator", retain=True, json=LanguageRelations, qos=0)
COORDINATOR_BEAT: Final = Topic("coord/beat", "coordinator", retain=False, json=Beat)
COORDINATOR_CHALLENGE: Final = Topic("coord/challenge", "coordinator", retain=False, json=Challenge)
COORDINATOR_ANSWER: Final = Topic("coord/answer", "coordinator", retain=False, json=ChallengeAnswer)
PLAN: Final = Topic("plan", "coordinator", retain=True, json=PlanNotice, qos=0)
PROMPT: Final = Topic("prompt/+", "coordinator", retain=True, frames=(Prompt,), qos=0)
CLIENT_STATE: Final = Topic("client/+/state", "client", retain=True, json=ClientState)
CLIENT_UP: Final = Topic("client/+/up", "client", retain=False, json=UpJson, frames=(Update, Masked))
CLIENT_DOWN: Final = Topic("client/+/down", "coordinator", retain=False, json=Down)
ENROL_UP: Final = Topic("enrol/+/up", "client", retain=False, json=Enrol)
ENROL_DOWN: Final = Topic("enrol/+/down", "coordinator", retain=False, json=EnrolAnswer, qos=0)

TOPICS: Final = (
    *(COORDINATOR_STATE, COORDINATOR_STATUS, COORDINATOR_PROGRESS),
    *(COORDINATOR_BEAT, COORDINATOR_CHALLENGE, COORDINATOR_ANSWER),
    *(PLAN, PROMPT, LANGUAGE_RELATIONS),
    *(CLIENT_STATE, CLIENT_UP, CLIENT_DOWN, ENROL_UP, ENROL_DOWN),
)


@dataclass(frozen=True, slots=True)
class Address:
    """A topic taken apart."""

    topic: Topic
    key: str


@lru_cache(maxsize=4096)  # what a federation uses comes again with every message; only its own topics are kept
def parse(path: str, federation: str) -> Address:
    """Take a full topic apart.

    Raises:
        DecodeError: It is not a topic of this federation.
    """
    prefix = f"{ROOT}/{federation}/"
    parts = path.removeprefix(prefix).split("/")
    if path.startswith(prefix):
        for topic in TOPICS:
            pattern = topic.name.split("/")
            if len(parts) != len(pattern):
                continue
            pairs = list(zip(pattern, parts, strict=True))
            key = next((part for want, part in pairs if want == "+"), "")
            wanted = _LANGUAGE if topic in (PROMPT, LANGUAGE_RELATIONS) else _ID
            if all(want in ("+", part) for want, part in pairs) and ("+" not in pattern or wanted.fullmatch(key)):
                return Address(topic, key)
    raise DecodeError(f"{path[:200]!r} is not a topic of federation {federation!r}")
