"""A data folder that was copied or restored while its coordinator runs: the earlier run ends, and says so."""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from mfpt_shared.errors import Incompatible
from mfpt_shared.protocol.topics import COORDINATOR_STATE
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.federation import coordinating, tiny_plan
from support.inbox import Inbox

pytestmark = pytest.mark.network


def epoch_in(data_dir: Path) -> int:
    with contextlib.closing(sqlite3.connect(data_dir / "coordinator.sqlite")) as database:
        return int(database.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])


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
