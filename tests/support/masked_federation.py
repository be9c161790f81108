"""Federations under masks: a tiny plan, devices that die at a moment of their part in a cohort, and what was said."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.plan import Plan, Privacy, Section, checked
from mfpt_shared.protocol.codec import Decoded, understand
from mfpt_shared.protocol.topics import ROOT
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.federation import Device, tiny_plan
from support.inbox import Inbox

Moment = Literal["gathered", "delivered", "unmasked"]
"""Just before a device sends its key shares, its masked update, or what it reveals."""
_SHOWN: Final = {"gathered": "joining", "unmasked": "adding up"}


def masked_plan(buffer: int, **sections: Section) -> Plan:
    """Return a plan with masks whose folds are means: every update counts the same, however late.

    Args:
        buffer: Updates in a fold.
        sections: Other sections than the tiny plan's.
    """
    plan = tiny_plan(buffer=buffer, combine="mean", staleness="constant", cover_exponent=0.0)
    return checked(msgspec.structs.replace(plan, privacy=Privacy(aggregation="masked"), **sections))


class Died(BaseException):
    """The device has been killed; no `except Exception` survives that."""


class _MortalOutbox(Outbox):
    def note_sent(self, sequence: int) -> None:
        raise Died


class _MortalFolder(DeviceFolder):
    def outbox(self) -> Outbox:
        return _MortalOutbox(self.path / "outbox")


class MortalDevice(Device):
    """A device that dies the first time that it comes to a moment."""

    def __init__(self, folder: Path, *about: Any, moment: Moment, **more: Any) -> None:
        self._lives_until = _SHOWN.get(moment)
        super().__init__(_MortalFolder(folder) if moment == "delivered" else folder, *about, **more)

    def _observe(self, snapshot: Snapshot) -> None:
        super()._observe(snapshot)
        if self._lives_until is not None and snapshot.added_up.startswith(self._lives_until):
            self._lives_until = None
            raise Died


class Ear:
    """Hears what devices say to their coordinator."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    @property
    def payloads(self) -> list[bytes]:
        """All that was said, as it was sent."""
        return [payload for _, payload in self._inbox.messages]

    def said(self, kind: type[Decoded]) -> list[Decoded]:
        """Return all messages of a kind so far."""
        received = (understand(topic, payload, "test") for topic, payload in self._inbox.messages)
        return [one.message for one in received if one is not None and isinstance(one.message, kind)]

    async def until(self, kind: type[Decoded], number: int) -> None:
        """Wait until so many messages of a kind were said."""
        await self._inbox.until(lambda: len(self.said(kind)) >= number)


@contextlib.asynccontextmanager
async def listening(address: BrokerAddress) -> AsyncIterator[Ear]:
    """Listen at a broker, to everything that devices say."""
    spy = MqttTransport(address, "spy")
    await spy.connect()
    inbox = Inbox(spy)
    spy.subscribe(f"{ROOT}/test/client/+/up")
    try:
        yield Ear(inbox)
    finally:
        await spy.close()
