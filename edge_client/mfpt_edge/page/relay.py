"""What a device says on its control socket, handed on to the page as it is."""

import asyncio
from pathlib import Path

import msgspec

from mfpt_edge.session.control import SERVICE
from mfpt_edge.session.orders import Order
from mfpt_shared.control_socket import SECONDS, Declined, Failed, ask


class _Tag(msgspec.Struct):
    type: str = ""


async def asked(folder: Path, order: Order, seconds: float = SECONDS) -> msgspec.Raw:
    """Give an order to the device that runs on a state folder, and return its report.

    Args:
        folder: State folder.
        order: What it should do.
        seconds: Longest time to wait for the report.

    Raises:
        ConnectionFailed: None runs there.
        TimedOut: It does not answer.
        Declined: It did not do it.
        MfptError: This user may not look into the folder.
    """
    line = await asyncio.to_thread(ask, folder, order, SERVICE, seconds)
    if msgspec.json.decode(line, type=_Tag).type == "failed":
        raise Declined(msgspec.json.decode(line, type=Failed))
    return msgspec.Raw(line.strip())
