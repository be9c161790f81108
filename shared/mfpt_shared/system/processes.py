"""Processes that somebody else started: whether they are what a file says, and how to end them."""

import asyncio
import contextlib
import os
import signal
import sys
from typing import Final

_LOOK_SECONDS: Final = 0.05


def runs_with(pid: int, argument: str) -> bool:
    """Tell whether a process runs that was given an argument; one whose number was given away since was not.

    Args:
        pid: Number of the process.
        argument: One of the arguments of its command line.
    """
    import psutil  # noqa: PLC0415 - it is needed rarely

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and argument in process.cmdline()
    except (psutil.Error, OSError):  # it is gone, or another user's
        return False


async def end_with(pid: int, argument: str, patience: float) -> bool:
    """End a process that was given an argument, in order, or, after `patience` seconds, at once.

    Returns:
        Whether it ran.
    """
    if not runs_with(pid, argument):
        return False
    if not await _ended(pid, argument, patience, by_force=False):
        await _ended(pid, argument, patience, by_force=True)
    return True


async def _ended(pid: int, argument: str, patience: float, *, by_force: bool) -> bool:
    """End a process, wait, and tell whether it is gone."""
    import psutil  # noqa: PLC0415 - it is needed rarely

    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        if by_force:
            process.kill()
        else:
            process.terminate()  # on Windows, this is the same
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while runs_with(pid, argument):
                await asyncio.sleep(_LOOK_SECONDS)  # not our child, so nothing tells us when it ends
            return True
    return False


def tell_to_read_again(pid: int, name: str) -> None:
    """Tell a program that its configuration has changed (SIGHUP).

    Args:
        pid: Number of its process.
        name: Its name, so that no other program is told that has this number by now.

    Raises:
        OSError: It does not run, or cannot be told.
    """
    if sys.platform == "win32":
        raise OSError("Windows has no signal for it")
    import psutil  # noqa: PLC0415 - it is needed rarely

    try:
        found = psutil.Process(pid).name()
    except psutil.Error as error:
        raise ProcessLookupError(f"no process {pid} runs") from error
    if found != name:
        raise ProcessLookupError(f"process {pid} is not {name}")
    os.kill(pid, signal.SIGHUP)
