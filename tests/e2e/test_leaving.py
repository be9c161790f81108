"""A device leaves for good: nothing of it is left on its machine, at the broker or with the coordinator."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_edge.session.control import ask
from mfpt_edge.session.orders import DeviceReport, ShowDevice
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.control_socket import answers_in
from support.closed import closed
from support.federation import Device, rows, tiny_plan
from support.inbox import SECONDS
from support.joining import admit, reach
from support.programs import run, serve, variables
from support.stub import StubTrainer

pytestmark = pytest.mark.network


async def until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def test_the_coordinator_forgets_a_member_that_leaves_for_good(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with closed(tmp_path, tiny_plan()) as federation:
            membership = await admit(tmp_path / "swh", reach(invitation=await federation.invite()))
            device = Device(tmp_path / "swh", "swh", federation.broker, StubTrainer(step=0.25), membership=membership)
            part, name = asyncio.create_task(device.run()), device.identity.client
            await device.until(lambda shown: shown.rounds > 0)
            device.client.farewell.forgets = True
            part.cancel()
            await asyncio.wait((part,))
            assert device.client.farewell.was_heard
            await until(lambda: name not in federation.coordinator.state.enrolments)
            assert name not in federation.coordinator.state.clients
            assert rows(tmp_path, "SELECT id FROM clients") == rows(tmp_path, "SELECT client FROM enrolments") == []

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_an_owner_pauses_resumes_and_lets_his_device_leave_from_another_process(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "data.csv"
    data.write_text("text,label\n" + "".join(f"mchezo wa {row} leo,sports\n" for row in range(20)), encoding="utf-8")
    plan = tmp_path / "plan.toml"
    plan.write_text('[task]\nlabels = ["sports", "politics"]\n', encoding="utf-8")
    folder = home / "device"
    options = ("--lang", "sw", "--state-dir", str(folder), "--json")

    def edge(*command: str) -> str:
        result = run(home, "mfpt_edge", *command, *options)
        assert result.returncode == 0, result.stderr
        return result.stdout

    async def scenario() -> None:
        async with serve(home, tmp_path / "coordinator", "--plan", str(plan)) as serving:
            join = ("join", "--broker", str(serving.address), "--data", str(data), "--yes")
            taking_part = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "mfpt_edge", *join, *options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=variables(home),
            )
            await until(lambda: answers_in(folder))
            assert '"paused":true' in await asyncio.to_thread(edge, "pause")
            assert "paused" in (await asyncio.to_thread(ask, folder, ShowDevice(), DeviceReport)).pause
            assert '"paused":false' in await asyncio.to_thread(edge, "resume")
            name = DeviceFolder(folder).identity()
            left = await asyncio.to_thread(edge, "leave", "--forget", "--yes")
            assert name is not None
            assert name.client in left
            reported, _ = await asyncio.wait_for(taking_part.communicate(), SECONDS)
            assert (taking_part.returncode, reported.decode()) == (0, left)
            assert not folder.exists()

    asyncio.run(asyncio.wait_for(scenario(), 120))
