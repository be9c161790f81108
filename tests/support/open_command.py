"""`mfpt-edge open`, run as a volunteer runs it."""

import asyncio
import re
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from support.programs import variables

PATIENCE: Final = 60.0
"""Seconds within which it starts, and ends, on a machine that may be busy."""
_ADDRESS: Final = re.compile(r"page: (http://\S+)")


class Opened(NamedTuple):
    """A page's process, and the address that it has printed."""

    process: Process
    address: str


@asynccontextmanager
async def opened(home: Path, *options: str) -> AsyncIterator[Opened]:
    """Run `mfpt-edge open --no-browser` until the context ends; then Ctrl-C ends it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mfpt_edge", "open", "--no-browser", *options,
        stdin=subprocess.DEVNULL, stdout=PIPE, stderr=subprocess.DEVNULL, env=variables(home),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
        found = _ADDRESS.search(line)
        assert found is not None, line
        yield Opened(process, found[1])
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)
