"""Real devices at a real broker: all that they publish is in their logs, and they are told who helps their language."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from mfpt_edge.storage.curve import read_course
from mfpt_edge.storage.sent_log import LAST_WILL, read_sent
from mfpt_shared.plan import Plan
from mfpt_shared.transport.base import packet_size
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.federation import LANGUAGES, Device, coordinating, running, tiny_plan
from support.inbox import SECONDS, Inbox
from support.masked_federation import masked_plan
from support.stub import StubTrainer

pytestmark = pytest.mark.network
PLANS = (
    pytest.param(tiny_plan(buffer=3), id="in the open"),
    pytest.param(masked_plan(buffer=3), id="under masks", marks=pytest.mark.slow),
)


@pytest.mark.parametrize("plan", PLANS)
def test_all_that_a_device_has_published_is_in_its_log_and_nothing_else(plan: Plan, tmp_path: Path) -> None:
    async def scenario() -> tuple[list[Device], list[tuple[str, bytes]]]:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving),
        ):
            ear = MqttTransport(broker.address, "ear")
            await ear.connect()
            inbox = Inbox(ear)
            ear.subscribe("mfpt/v1/test/client/#")
            devices = [
                Device(tmp_path / language, language, broker.address, StubTrainer(step=0.1), rounds=1)
                for language in LANGUAGES
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)
            await inbox.until(lambda: sum(b'"offline"' in payload for _, payload in inbox.messages) == len(devices))
            await ear.close()
            return devices, inbox.messages

    devices, heard = asyncio.run(asyncio.wait_for(scenario(), 60))

    for device in devices:
        own = f"/client/{device.identity.client}/"
        expected = Counter(
            (packet_size(path, payload), len(payload))
            for path, payload in heard
            if own in path and not path.endswith("/down")
        )
        report = read_sent(device.folder.path)
        published = [message for message in report.messages if message.kind != LAST_WILL]
        assert Counter((message.bytes, message.payload_bytes) for message in published) == expected
        assert all(sum(part.bytes for part in message.parts) == message.payload_bytes for message in report.messages)
        total = sum(total.bytes for kind, total in report.totals.items() if kind != LAST_WILL)
        assert total == device.client.snapshot.bytes_up
        assert {"masked", "offer"} <= report.totals.keys() if plan.privacy.is_masked else "update" in report.totals


@pytest.mark.parametrize("plan", PLANS)
def test_a_device_is_told_from_whom_its_language_learns(plan: Plan, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, plan, broker.address):
            devices = [
                Device(tmp_path / language, language, broker.address, StubTrainer(step=0.1)) for language in LANGUAGES
            ]
            async with running(*devices):
                for device in devices:
                    await device.until(lambda shown: shown.helped_by.keys() == set(LANGUAGES))
                    shown = device.client.snapshot
                    assert sum(shown.helped_by.values()) == pytest.approx(1.0, abs=0.01)
                    assert read_course(device.folder.path).helped_by == shown.helped_by

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_a_device_that_comes_after_a_restart_of_the_coordinator_is_told_as_well(tmp_path: Path) -> None:
    plan = tiny_plan(buffer=3)

    async def scenario() -> None:
        async with embedded(tmp_path / "first") as broker, coordinating(tmp_path, plan, broker.address, folds=1):
            devices = [
                Device(tmp_path / language, language, broker.address, StubTrainer(step=0.1), rounds=1)
                for language in LANGUAGES
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
        async with embedded(tmp_path / "second") as broker, coordinating(tmp_path, plan, broker.address):
            late = Device(tmp_path / "late", "swh", broker.address, StubTrainer(step=0.1))
            async with running(late):
                await late.until(lambda shown: shown.helped_by.keys() == set(LANGUAGES))

    asyncio.run(asyncio.wait_for(scenario(), 60))
