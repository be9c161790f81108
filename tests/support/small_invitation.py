"""An invitation in a small world, which admits exactly as many devices as there are."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mfpt_coord.core.admission import Invitation
from mfpt_edge.session.connect import connect_with_retries
from mfpt_edge.session.enrol import ask, request
from mfpt_edge.storage.device_folder import Session
from mfpt_shared.errors import TimedOut
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.keys import PublicKey, digest
from mfpt_shared.transport.address import BrokerAddress
from support.mortal import Life
from support.rough_transport import RoughTransport

_TOKEN: Final = base64.urlsafe_b64encode(bytes(8)).decode().rstrip("=")
_SECRET: Final = base64.urlsafe_b64encode(bytes(16)).decode().rstrip("=")
_MEMBER: Final = "member"


def invitation(uses: int, at: float) -> Invitation:
    """Return what the coordinator keeps of the invitation."""
    return Invitation(_TOKEN, digest(_SECRET), "device", None, None, uses, None, at)


async def become_member(
    folder: Path, session: Session, life: Life, federation: str, key: PublicKey, transport: Callable[[], RoughTransport]
) -> None:
    """Be admitted, unless an earlier run was; that one was is kept in the state folder, with a boundary at each end."""
    if (folder / _MEMBER).exists():
        return
    line = InvitationLine((BrokerAddress("localhost", 1883),), federation, _TOKEN, _SECRET, key)
    connection = transport()
    await connect_with_retries(connection, None, asyncio.sleep)
    while True:
        try:
            await ask(connection, request(line, session, f"{session.number}"))
            break
        except TimedOut:
            continue  # whoever invites a device tries again
    await connection.close()
    life.passes("before the membership is kept")
    (folder / _MEMBER).touch()
    life.passes("after the membership was kept")
