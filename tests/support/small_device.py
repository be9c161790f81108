"""Devices of a small world: who they are, and what they are told."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from mfpt_edge.storage.device_folder import IDENTITY_FILE, KEY_FILE, Identity
from mfpt_shared.protocol.codec import understand
from mfpt_shared.transport.base import Event, Inbound
from support.ledger import Journal
from support.rough_transport import RoughTransport
from support.sealing import key_of


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


def settle(folder: Path, identity: Identity) -> None:
    """Give a new device its identity."""
    folder.mkdir(exist_ok=True)
    for name, content in ((IDENTITY_FILE, msgspec.json.encode(identity)), (KEY_FILE, key_of(identity.client).to_pem())):
        if not (folder / name).exists():
            (folder / name).write_bytes(content)
