"""What is computed for the page in processes of their own, so that its server holds no model and no table."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Final

import msgspec

from mfpt_shared.errors import BadData, MfptError, TimedOut, UsageError
from mfpt_shared.system.children import creation_flags

_PROGRAM: Final = "mfpt-edge: "
_MOST_BYTES: Final = 4_000_000


async def computed(*arguments: str, seconds: float, given: str | None = None) -> msgspec.Raw:
    """Run a command of `mfpt-edge` that prints JSON, and return that.

    Args:
        arguments: The command and its options.
        seconds: How long it may take.
        given: What it reads from standard input; None: nothing.

    Raises:
        TimedOut: It takes longer.
        UsageError: The command cannot be used so.
        BadData: The data are not what the command takes.
        MfptError: It failed; the message is what it said.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mfpt_edge", *arguments,
        stdin=DEVNULL if given is None else PIPE, stdout=PIPE, stderr=PIPE,
        env={**os.environ, "PYTHONUTF8": "1"}, limit=_MOST_BYTES, creationflags=creation_flags(),
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(
            process.communicate(None if given is None else given.encode(errors="replace")), seconds
        )
    except TimeoutError as error:
        raise TimedOut(f"this took longer than {seconds:g} s and was given up; try less at once") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _failed(process.returncode or 0, err.decode(errors="replace"))
    return msgspec.Raw(out.strip())


def _failed(code: int, said: str) -> MfptError:
    """Return the error that a command ended with: what it said last."""
    lines = [line for line in said.splitlines() if line.startswith(_PROGRAM)]
    message = lines[-1].removeprefix(_PROGRAM) if lines else f"the computation ended unexpectedly ({code})"
    kind = {UsageError.exit_code: UsageError, BadData.exit_code: BadData}.get(code, MfptError)
    return kind(message)
