"""A device whose engine is killed in the middle of a round, as systems do where memory runs short."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import psutil
import pytest

from mfpt_shared.plan import Plan, PromptSpec, Task, Training
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.topics import COORDINATOR_STATUS
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.backbones import save_tiny_model, tiny_spec
from support.inbox import SECONDS, Inbox
from support.programs import serve, variables

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    save_tiny_model("Bert", tmp_path / "backbone")
    return Plan(
        task=Task(labels=("good", "bad")),
        backbone=tiny_spec(tmp_path / "backbone"),
        prompt=PromptSpec(tokens=2),
        training=Training(epochs=150, head_start="zero"),
    )


async def trains(address: BrokerAddress) -> None:
    """Wait until a device trains."""
    transport = MqttTransport(address, "watcher")
    await transport.connect()
    transport.subscribe(COORDINATOR_STATUS.path("default"))
    inbox = Inbox(transport)
    await inbox.until(lambda: any(b'"phase":"training"' in payload for _, payload in inbox.messages), 3 * SECONDS)
    await transport.close()


async def until_line(errors: asyncio.StreamReader, words: str) -> None:
    while words not in (line := (await errors.readline()).decode()):
        assert line, f"it ended before it said {words!r}"


def test_a_device_goes_on_with_a_new_engine_and_makes_its_round(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(plan_to_toml(plan), encoding="utf-8")
    rows = "".join(f"meal {number} was {label},{label}\n" for number in range(20) for label in plan.task.labels)
    (tmp_path / "data.csv").write_text(f"text,label\n{rows}", encoding="utf-8")

    async def scenario() -> None:
        async with serve(tmp_path, tmp_path / "data", "--plan", str(tmp_path / "plan.toml")) as serving:
            device = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "mfpt_edge", "join", "--lang", "sw", "--broker", str(serving.address)),
                *("--state-dir", str(tmp_path / "state"), "--data", str(tmp_path / "data.csv"), "--rounds", "1"),
                *("--allow-backbone", plan.backbone.uri),
                stdin=DEVNULL,
                stderr=PIPE,
                env=variables(tmp_path),
            )
            assert device.stderr is not None
            try:
                await trains(serving.address)
                (engine,) = psutil.Process(device.pid).children()
                engine.kill()
                await until_line(device.stderr, "the process that trains was killed")
                await until_line(device.stderr, "update 2 from version 0")
                assert [one.pid for one in psutil.Process(device.pid).children()] != [engine.pid]
            finally:
                device.kill()
                await device.communicate()

    asyncio.run(asyncio.wait_for(scenario(), 12 * SECONDS))
