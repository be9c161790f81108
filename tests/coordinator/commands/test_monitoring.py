"""Watching a coordinator on the same machine, through its control socket."""

import asyncio
from pathlib import Path

import pytest

from mfpt_coord.commands import monitoring
from mfpt_coord.commands.monitoring import seen_on_this_machine
from mfpt_coord.core.audit import Actor
from mfpt_coord.core.state import initial
from mfpt_coord.core.status import federation_status
from mfpt_coord.server.control import control_socket
from mfpt_coord.server.orders import AnyOrder, AnyReport, Status
from mfpt_shared.errors import ConnectionFailed
from support.federation import tiny_plan


@pytest.mark.network
def test_watching_goes_on_while_a_coordinator_that_was_started_again_waits_for_its_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "TICK_SECONDS", 0.01)
    status = federation_status(initial(tiny_plan()), started=0.0, at=1.0)
    refused = 0

    async def obey(_: AnyOrder, __: Actor) -> AnyReport:
        nonlocal refused
        if watched:
            refused += 1
            raise ConnectionFailed("the coordinator still waits for its broker")
        return Status(status=status)

    watched = []

    async def scenario() -> None:
        async with control_socket(tmp_path, obey):
            async for sight in seen_on_this_machine(tmp_path):
                watched.append(sight.status)
                if refused >= 3:
                    break

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert all(seen == status for seen in watched)
