"""Two coordinators on one broker: copies of one data folder, and strangers under one federation name."""

import asyncio
import contextlib
import re
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from mfpt_shared.errors import Incompatible
from mfpt_shared.protocol.topics import COORDINATOR_STATE
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.federation import coordinating, tiny_plan
from support.inbox import SECONDS, Inbox
from support.neighbour import FEDERATION, plan_file
from support.programs import Serving, messages, run, serve

pytestmark = pytest.mark.network


def epoch_in(data_dir: Path) -> int:
    with contextlib.closing(sqlite3.connect(data_dir / "coordinator.sqlite")) as database:
        return int(database.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])


def at(address: BrokerAddress) -> tuple[str, str]:
    """Return the options that name a broker."""
    return "--broker", str(address)


def password(address: BrokerAddress) -> dict[str, str]:
    """Return the variables by which a coordinator that is a process logs in at a broker."""
    return {PASSWORD_VARIABLE: address.password or ""}


async def until_logged(serving: Serving, text: str) -> None:
    async with asyncio.timeout(SECONDS):
        while text not in "".join(serving.log):
            await asyncio.sleep(0.05)  # there is no event for a line that another process writes


@pytest.mark.slow
def test_a_coordinator_ends_when_a_later_run_with_its_key_is_at_work(tmp_path: Path) -> None:
    plan = tiny_plan()
    topic = COORDINATOR_STATE.path(plan.federation)

    async def scenario() -> bytes:
        async with embedded(tmp_path / "broker") as broker:
            earlier = coordinating(tmp_path / "data", plan, broker.address)
            _, running = await earlier.__aenter__()
            shutil.copytree(tmp_path / "data", tmp_path / "copy")
            async with coordinating(tmp_path / "copy", plan, broker.address):
                with pytest.raises(Incompatible, match="a later run"):
                    await asyncio.wait_for(running, 20)
                with pytest.raises(Incompatible):
                    await earlier.__aexit__(None, None, None)
                watcher = MqttTransport(broker.public_address, "watcher")
                await watcher.connect()
                inbox = Inbox(watcher)
                watcher.subscribe(topic)
                await inbox.until(
                    lambda: b'"epoch":%d' % epoch_in(tmp_path / "copy") in b"".join(inbox.payloads(topic)[-1:])
                )
                await watcher.close()
                return inbox.payloads(topic)[-1]

    said = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert b'"online"' in said, "the earlier run does not announce the later one as gone"


def test_a_second_coordinator_refuses_to_start_while_another_serves_the_federation(tmp_path: Path) -> None:
    plan = plan_file(tmp_path)

    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path / "first", tiny_plan(), broker.address),
        ):
            command = ("serve", "--plan", str(plan), "--data-dir", str(tmp_path / "second"), *at(broker.address))
            return await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command, extra=password(broker.address))

    refused = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert refused.returncode == 6
    [line] = messages(refused)
    assert re.search(r"coordinator [0-9a-f]{12} \(key [0-9a-f-]{19}\) serves federation test", line)


@pytest.mark.slow  # nobody answers for three seconds
def test_a_second_coordinator_takes_over_from_one_that_is_frozen_and_both_go_on_when_it_wakes(tmp_path: Path) -> None:
    plan = plan_file(tmp_path)

    async def scenario() -> tuple[str, str]:
        async with embedded(tmp_path / "broker") as broker, contextlib.AsyncExitStack() as stack:

            async def start(name: str) -> Serving:
                options = ("--plan", str(plan), *at(broker.address))
                return await stack.enter_async_context(
                    serve(tmp_path, tmp_path / name, *options, extra=password(broker.address))
                )

            watcher = MqttTransport(broker.public_address, "watcher")
            await watcher.connect()
            watcher.subscribe(COORDINATOR_STATE.path(FEDERATION))
            first = await start("first")
            await Inbox(watcher).until_event(Inbound)
            await watcher.close()
            first.process.send_signal(signal.SIGSTOP)
            second = await start("second")
            first.process.send_signal(signal.SIGCONT)
            await asyncio.gather(*(until_logged(one, "another coordinator") for one in (first, second)))
            ended = await asyncio.gather(first.end(signal.SIGTERM), second.end(signal.SIGTERM))
            assert list(ended) == [0, 0]
        return "".join(first.log), "".join(second.log)

    for log in asyncio.run(asyncio.wait_for(scenario(), 120)):
        assert log.count("another coordinator") == 1
        assert log.count("Stop one of the two") == 1
