"""The coordinator's control socket: how commands of the operator reach a coordinator that runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.core.audit import Actor
from mfpt_coord.server.actors import at_other_end
from mfpt_coord.server.orders import AnyOrder, AnyReport
from mfpt_shared import control_socket as transport
from mfpt_shared.control_socket import Service

SERVICE: Final = Service("coordinator", "mfpt-coord serve", "--data-dir")

Obey = Callable[[AnyOrder, Actor], Awaitable[AnyReport]]


def control_socket(data_dir: Path, obey: Obey) -> AbstractAsyncContextManager[None]:
    """Answer orders until the context ends.

    Args:
        data_dir: Data folder, which this process owns.
        obey: Carries out an order of somebody; its MfptErrors become reports.
    """

    async def obey_line(line: bytes, writer: asyncio.StreamWriter) -> AnyReport:
        order: AnyOrder = msgspec.json.decode(line, type=AnyOrder)
        return await obey(order, at_other_end(writer))

    return transport.control_socket(data_dir, obey_line)


def ask(data_dir: Path, order: AnyOrder) -> AnyReport:
    """Give an order to the coordinator that runs on a data folder, and return its report.

    Raises:
        ConnectionFailed: None runs there.
        TimedOut: It does not answer.
        MfptError: This user may not look into the folder.
    """
    report: AnyReport = msgspec.json.decode(transport.ask(data_dir, order, SERVICE), type=AnyReport)
    return report
