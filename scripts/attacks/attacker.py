"""Those who attack over the network: somebody invited who turns out hostile, and whoever runs the broker."""

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final

import numpy as np

from attacks.serving import PLAN, Serving
from attacks.target import SWAHILI, account, enrolled
from mfpt_coord.access.accounts import COORDINATOR_USER
from mfpt_edge.storage.device_folder import Session
from mfpt_edge.storage.identity import Identity
from mfpt_shared.errors import MfptError
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.keys import SigningKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import Decoded, encode, understand
from mfpt_shared.protocol.messages import ClientState, Ready, Update, UpdateHeader
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_DOWN, Topic
from mfpt_shared.tensors import layout, quantise
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.mqtt import MqttTransport

ANSWER_SECONDS: Final = 10.0
FLUSH_SECONDS: Final = 30.0


class Attacker:
    """A connection to the broker under somebody's account, and a key to sign with.

    Attributes:
        session: Id and key.
        came: Messages that were received.
    """

    def __init__(self, session: Session, federation: str, transport: MqttTransport) -> None:
        """Take over a transport that is connected."""
        self.session = session
        self.came: list[Inbound] = []
        self._federation = federation
        self._transport = transport
        self._number = 0

    @property
    def id(self) -> str:
        """Id of the device as which it was admitted."""
        return self.session.identity.client

    def path(self, topic: Topic, key: str = "") -> str:
        """Return a full topic."""
        return topic.path(self._federation, key)

    def say(self, topic: Topic, message: Decoded, key: str, signer: SigningKey | None = None) -> None:
        """Publish a message, sealed with its own key unless another is given."""
        path = self.path(topic, key)
        self.publish(path, seal(path, encode(message), signer or self.session.key))

    def publish(self, path: str, payload: bytes) -> None:
        """Publish bytes; the broker is not asked to keep them."""
        self._transport.publish(path, payload)

    def subscribe(self, *filters: str) -> None:
        """Ask for topics."""
        for one in filters:
            self._transport.subscribe(one)

    async def sent(self) -> None:
        """Wait until the broker has taken everything."""
        await self._transport.flush(FLUSH_SECONDS)

    async def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Receive for a time, or until a condition holds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not until():
                    self.came += [event for event in await self._transport.receive() if isinstance(event, Inbound)]

    def online(self, language: LanguageCode = SWAHILI, device: str = "") -> ClientState:
        """Return its next state."""
        session, number = self._stamp()
        return ClientState(state="online", language=language, device=device, session=session, number=number)

    def ready(self, language: LanguageCode = SWAHILI, examples: int = 10) -> Ready:
        """Return its next announcement."""
        session, number = self._stamp()
        return Ready(
            language=language, examples=examples, plan=PLAN.digest, backbone="", session=session, number=number
        )

    def _stamp(self) -> tuple[int, int]:
        self._number += 1
        return self.session.number, self._number

    async def answers(self, kind: type[Decoded], count: int = 1, seconds: float = ANSWER_SECONDS) -> list[Decoded]:
        """Wait for the coordinator's messages of a kind to this device, and return all of them."""
        await self.listen(seconds, lambda: len(self._answers(kind)) >= count)
        return self._answers(kind)

    def _answers(self, kind: type[Decoded]) -> list[Decoded]:
        down = self.path(CLIENT_DOWN, self.id)
        received = [understand(one.topic, one.payload, self._federation) for one in self.came if one.topic == down]
        return [one.message for one in received if one is not None and isinstance(one.message, kind)]

    async def close(self) -> None:
        """Leave."""
        await self._transport.close()


def update(sequence: int, base_version: int, examples: int = 10) -> Update:
    """Return an update that changes next to nothing."""
    header = UpdateHeader(
        sequence=sequence,
        language=SWAHILI,
        base_version=base_version,
        examples=examples,
        plan=PLAN.digest,
        backbone="",
    )
    return Update(header, {name: quantise(np.full(shape, 1e-6, np.float32)) for name, shape in layout(PLAN).items()})


def new_session(language: LanguageCode = SWAHILI) -> Session:
    """Return a device that was just made up."""
    return Session(Identity(secrets.token_hex(6), language), SigningKey.generate(), 1)


@contextlib.asynccontextmanager
async def peer(line: InvitationLine, language: LanguageCode = SWAHILI) -> AsyncIterator[Attacker]:
    """Be admitted with an invitation, and log in; listens to what the coordinator says to it."""
    session = new_session(language)
    await enrolled(line, session)
    transport = MqttTransport(account(line.addresses[0], session), session.mqtt_client)
    await transport.connect()
    attacker = Attacker(session, line.federation, transport)
    attacker.subscribe(attacker.path(CLIENT_DOWN, attacker.id))
    try:
        yield attacker
    finally:
        await attacker.close()


@contextlib.asynccontextmanager
async def broker_itself(server: Serving) -> AsyncIterator[Attacker]:
    """Do as whoever runs a broker can: publish and read anything, with a key that is nobody's."""
    found = re.search(rf'\{{"user": "{COORDINATOR_USER}".*', (server.data / "broker" / "nats.conf").read_text("utf-8"))
    if found is None:
        raise MfptError("the broker's configuration names no coordinator")
    password = json.loads(found[0])["password"]
    login = replace(server.address, username=COORDINATOR_USER, password=password)
    transport = MqttTransport(login, secrets.token_hex(16))
    await transport.connect()
    attacker = Attacker(new_session(), server.line.federation, transport)
    try:
        yield attacker
    finally:
        await attacker.close()
