"""The device's control socket: how the owner's shell and page reach a device that runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from mfpt_edge.session.orders import AnyOrder, AnyReport, Order
from mfpt_shared import control_socket as transport
from mfpt_shared.control_socket import Declined, Failed, Service
from mfpt_shared.errors import MfptError

SERVICE: Final = Service("device", "mfpt-edge join", "--state-dir")

LEAVE_SECONDS: Final = 60.0
"""Longest time that a device takes to leave: it may wait for a broker, or for a step of its training."""

ReportT = TypeVar("ReportT", bound=AnyReport)


def control_socket(folder: Path, obey: Callable[[AnyOrder], Awaitable[AnyReport]]) -> AbstractAsyncContextManager[None]:
    """Answer orders until the context ends.

    Args:
        folder: State folder, which this process owns.
        obey: Carries out an order; its MfptErrors become reports.
    """

    async def obey_line(line: bytes, _: asyncio.StreamWriter) -> AnyReport:
        order: AnyOrder = msgspec.json.decode(line, type=AnyOrder)
        return await obey(order)

    return transport.control_socket(folder, obey_line)


def ask(folder: Path, order: Order, expected: type[ReportT], seconds: float = transport.SECONDS) -> ReportT:
    """Give an order to the device that runs on a state folder, and return its report.

    This blocks: in an event loop, call it in a thread.

    Args:
        folder: State folder.
        order: What it should do.
        expected: Type of the report.
        seconds: Longest time to wait for it; `LEAVE_SECONDS` for `Leave`.

    Raises:
        ConnectionFailed: None runs there.
        TimedOut: It does not answer.
        Declined: It did not do it.
        MfptError: This user may not look into the folder, or the device is of another version.
    """
    report: AnyReport = msgspec.json.decode(transport.ask(folder, order, SERVICE, seconds), type=AnyReport)
    if isinstance(report, Failed):
        raise Declined(report)
    if not isinstance(report, expected):
        raise MfptError(f"the device answered with {type(report).__name__}; is it of another version than this?")
    return report
