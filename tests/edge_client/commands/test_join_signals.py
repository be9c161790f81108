"""A device that is told to end does so in order, and says so."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from support.brokers import embedded
from support.inbox import SECONDS
from support.programs import variables


@pytest.mark.network
@pytest.mark.parametrize(
    ("number", "code", "message"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 0, "stopped")]
)
def test_a_signal_ends_join_with_the_exit_code_of_the_signal(
    number: signal.Signals, code: int, message: str, tmp_path: Path
) -> None:
    async def scenario() -> tuple[int, list[str]]:
        async with embedded(tmp_path / "broker", federation="default") as broker:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "mfpt_edge", "join", "--lang", "sw", "--broker", str(broker.public_address)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                env=variables(tmp_path),
            )
            assert process.stderr is not None
            lines = []
            async for line in process.stderr:
                lines.append(line.decode())
                if "connected to" in lines[-1]:
                    process.send_signal(number)
            return await process.wait(), lines

    ended, lines = asyncio.run(asyncio.wait_for(scenario(), 2 * SECONDS))

    assert ended == code, lines
    assert lines[-1].startswith(f"mfpt-edge: {message}; the same command continues"), lines
