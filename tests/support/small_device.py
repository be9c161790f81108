"""Devices of a small world: as they are, with state folders that can die, and journals of what they are told."""

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.connect import connect_with_retries
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import KEY_FILE
from mfpt_edge.storage.identity import IDENTITY_FILE, Identity
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import understand
from mfpt_shared.transport.base import Event, Inbound
from support.ledger import Journal
from support.mortal import Life, MortalFolder
from support.rough_transport import RoughTransport
from support.sealing import key_of
from support.small_invitation import become_member
from support.stub import StubTrainer

if TYPE_CHECKING:
    from support.small_world import World


async def join(world: "World", name: str, life: Life) -> None:
    """Run a device until it is killed, or leaves."""
    identity = Identity(name_of(name), LanguageCode(world.devices[name]))
    journal = Journal(world.journal(name), identity.client)
    folder = MortalFolder(world.folder / name, life, journal)
    _settle(folder.path, identity)
    session = folder.begin_session(folder.enrol(identity.language))
    federation = world.setting.plan.federation
    if world.setting.is_closed:
        await become_member(
            folder.path,
            session,
            life,
            federation,
            world.key.public,
            lambda: RoughTransport(world.broker, f"guest-{name}", life),
        )
    will = client_will(federation, session)
    transport = HeardTransport(journal, world.broker, session.mqtt_client, life, will=will)
    client = EdgeClient(
        folder,
        session,
        federation,
        transport,
        trust=Trust(world.key.public if world.setting.is_closed else None),
        prepare=lambda _: StubTrainer(step=0.1),
        clock=world.clock_of_a_run(),
        rounds=world.setting.rounds,
    )
    world.clients[name] = client
    try:
        await connect_with_retries(transport, None, asyncio.sleep)
        await client.run()
    finally:
        client.close()


class HeardTransport(RoughTransport):
    """A device's connection, with a journal of what it is told."""

    def __init__(self, journal: Journal, *about: Any, **more: Any) -> None:
        super().__init__(*about, **more)
        self._journal = journal

    async def receive(self) -> list[Event]:
        events = await super().receive()
        for event in events:
            if isinstance(event, Inbound) and event.topic.endswith("/down"):
                received = understand(event.topic, event.payload, "test")
                self._journal.hears(received and received.message)
        return events


def name_of(device: str) -> str:
    """Return the id of a device, the same in every run: a seed always means the same life."""
    return hashlib.sha256(device.encode()).hexdigest()[:12]


def _settle(folder: Path, identity: Identity) -> None:
    """Give a new device its identity."""
    folder.mkdir(exist_ok=True)
    for name, content in ((IDENTITY_FILE, msgspec.json.encode(identity)), (KEY_FILE, key_of(identity.client).to_pem())):
        if not (folder / name).exists():
            (folder / name).write_bytes(content)
