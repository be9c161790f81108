"""A broker that forges, replays and damages what the coordinator says: nothing of that changes anything."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.protocol.messages import Ack, Assign, FromCoordinator, Prompt, Reject, Resync, Stop, Update
from mfpt_shared.protocol.topics import CLIENT_DOWN, COORDINATOR_STATE, PLAN, PROMPT, Topic
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.device import Running, assigned, device, next_up
from support.sealing import key_of
from support.session import (
    COORDINATOR,
    EPOCH,
    FEDERATION,
    SWAHILI,
    THE_PLAN,
    broker_of_a_running_federation,
    keep,
    notice,
    online,
    prompt_of,
    said,
)

VERSION: Final = 7
OTHER_PLAN: Final = msgspec.structs.replace(THE_PLAN, federation="other")
Message = tuple[Topic, FromCoordinator | Prompt]


def messages(running: Running) -> dict[str, Message]:
    """Return messages each of which would change something if it were the coordinator's and new."""
    session, ready = running.ready.session, running.ready.number
    return {
        "ack": (CLIENT_DOWN, Ack(sequence=1)),
        "reject": (CLIENT_DOWN, Reject(sequence=1, reason="diverged", detail="")),
        "resync": (CLIENT_DOWN, Resync(sequence=1, version=VERSION)),
        "assign": (CLIENT_DOWN, Assign(version=VERSION, deadline=60, session=session, ready=ready, turn=2)),
        "stop": (CLIENT_DOWN, Stop(reason="finished", version=VERSION, session=session, ready=ready)),
        "revoked": (CLIENT_DOWN, Stop(reason="revoked")),
        "plan": (PLAN, notice(OTHER_PLAN)),
        "prompt": (PROMPT, prompt_of(VERSION + 1)),
        "offline": (COORDINATOR_STATE, msgspec.structs.replace(online(VERSION), state="offline")),
    }


NAMES: Final = ("ack", "reject", "resync", "assign", "stop", "revoked", "plan", "prompt", "offline")


def delivered(running: Running, message: Message, *, epoch: int = EPOCH, signer: str = COORDINATOR) -> Inbound:
    topic, content = message
    key = {CLIENT_DOWN: running.id, PROMPT: SWAHILI}.get(topic, "")
    return said(topic, content, key, epoch=epoch, signer=signer)


def pinned() -> Trust:
    return Trust(key_of(COORDINATOR).public)


async def until(condition: Callable[[], bool]) -> None:
    """Let the device go on until something holds; it shares this event loop."""
    while not condition():
        await asyncio.sleep(0)


def seen(folder: Path, client: EdgeClient) -> tuple[object, ...]:
    """Return what a person could see of a device."""
    shown = client.snapshot
    newest = client.prompts.newest
    return (
        DeviceFolder(folder).outbox().sequences(),
        (shown.link, shown.phase, shown.rounds, shown.version),
        newest and newest.header,
        DeviceFolder(folder).plan().digest,
    )


def with_an_update_that_waits(folder: Path, scenario: Callable[[Running], Awaitable[None]]) -> None:
    """Run a scenario with a member whose first update has not been acknowledged."""

    async def run() -> None:
        broker = broker_of_a_running_federation(VERSION)
        async with assigned(folder, broker, VERSION, trust=pinned()) as running:
            await next_up(running.spy, Update)
            await scenario(running)

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize("name", NAMES)
def test_what_another_key_signed_changes_nothing_and_is_counted(name: str, tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        before = seen(tmp_path, running.client)
        running.hears(delivered(running, messages(running)[name], signer="thief"))
        await until(lambda: running.client.ignored.counts == {"forged": 1})
        assert seen(tmp_path, running.client) == before
        assert not running.ended.done()

    with_an_update_that_waits(tmp_path, scenario)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_coordinator_said_in_an_earlier_epoch_changes_nothing_and_is_counted(
    name: str, tmp_path: Path
) -> None:
    async def scenario(running: Running) -> None:
        before = seen(tmp_path, running.client)
        running.hears(delivered(running, messages(running)[name], epoch=EPOCH - 1))
        await until(lambda: running.client.ignored.counts == {"replayed": 1})
        assert seen(tmp_path, running.client) == before
        assert not running.ended.done()

    with_an_update_that_waits(tmp_path, scenario)


def test_each_of_these_messages_would_change_something_if_it_were_right(tmp_path: Path) -> None:
    """The tests above could not fail otherwise."""
    for name in NAMES:
        if name == "assign":
            continue  # what is assigned shows only once the device is idle

        async def scenario(running: Running, name: str = name) -> None:
            before = seen(tmp_path / name, running.client)
            running.hears(delivered(running, messages(running)[name]))
            await until(lambda: running.ended.done() or seen(tmp_path / name, running.client) != before)
            assert not running.client.ignored.counts

        with_an_update_that_waits(tmp_path / name, scenario)


def test_an_assignment_that_comes_again_is_counted_and_trained_for_once(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        again = Assign(version=VERSION, deadline=60, session=running.ready.session, ready=running.ready.number, turn=1)
        running.told(again)
        running.told(Ack(sequence=1))
        await until(lambda: running.client.snapshot.rounds == 1)
        assert running.client.ignored.counts == {"replayed": 1}
        assert running.client.snapshot.phase == "idle"

    with_an_update_that_waits(tmp_path, scenario)


UNSIGNED: Final = msgspec.json.encode(notice(OTHER_PLAN))


@pytest.mark.parametrize("payload", [b"", b"{", b"\x00" * 100, b"{}\n" + b"A" * 128, UNSIGNED, b"x" * 9_000_000])
def test_damaged_and_unsigned_bytes_on_the_plans_topic_do_not_end_a_device(payload: bytes, tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        running.hears(Inbound(PLAN.path(FEDERATION), payload))
        running.told(Ack(sequence=1))
        await until(lambda: running.client.snapshot.rounds == 1)
        assert running.client.ignored.counts == ({"damaged": 1} if payload else {})
        assert not running.ended.done()

    with_an_update_that_waits(tmp_path, scenario)


def test_a_plan_of_another_key_that_the_broker_keeps_is_not_followed(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(VERSION)
        keep(broker, said(PLAN, notice(OTHER_PLAN), signer="thief"))
        client, transport = device(tmp_path, broker, trust=pinned())
        await transport.connect()
        running = asyncio.create_task(client.run())
        await until(lambda: client.ignored.counts["forged"] > 0)
        right = said(PLAN, notice())
        broker.deliver(right.topic, right.payload, retain=True)
        await until(lambda: client.snapshot.phase == "idle")
        assert DeviceFolder(tmp_path).plan().digest == THE_PLAN.digest
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_flood_of_forged_messages_makes_one_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(VERSION)
        client, transport = device(tmp_path, broker, trust=pinned(), clock=lambda: 1000.0)
        spy = MemoryTransport(broker)
        await spy.connect()
        await transport.connect()
        running = asyncio.create_task(client.run())
        await until(lambda: client.snapshot.phase == "idle")
        forged = said(PLAN, notice(OTHER_PLAN), signer="thief")
        for _ in range(50):
            spy.publish(forged.topic, forged.payload)
        await until(lambda: client.ignored.counts["forged"] == 50)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 20))
    (line,) = [record.getMessage() for record in caplog.records if "ignored a message" in record.getMessage()]
    assert "not by the coordinator" in line


def come_back_to(folder: Path, broker: MemoryBroker) -> tuple[int, int]:
    """Run a member again that left with version 7 of the epoch 5; return what it refused and what it holds then."""

    async def once(where: MemoryBroker) -> EdgeClient:
        client, transport = device(folder, where, trust=pinned())
        await transport.connect()
        running = asyncio.create_task(client.run())
        await until(lambda: client.prompts.newest is not None or client.ignored.counts["replayed"] > 0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return client

    async def scenario() -> tuple[int, int]:
        await once(broker_of_a_running_federation(VERSION))
        client = await once(broker)
        return client.ignored.counts["replayed"], DeviceFolder(folder).prompt().header.version

    return asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_restarted_member_refuses_an_earlier_epoch(tmp_path: Path) -> None:
    refused, version = come_back_to(tmp_path, broker_of_a_running_federation(VERSION + 1, epoch=EPOCH - 1))
    assert refused >= 2, "plan and state"
    assert version == VERSION


def test_a_restarted_member_refuses_an_epoch_before_one_of_which_it_has_no_prompt_yet(tmp_path: Path) -> None:
    DeviceFolder(tmp_path).save_epoch(EPOCH + 2)
    assert DeviceFolder(tmp_path).newest_seen() == (EPOCH + 2, 0)

    async def scenario() -> int:
        client, transport = device(tmp_path, broker_of_a_running_federation(VERSION), trust=pinned())
        await transport.connect()
        running = asyncio.create_task(client.run())
        await until(lambda: client.ignored.counts["replayed"] >= 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return client.ignored.counts["replayed"]

    assert asyncio.run(asyncio.wait_for(scenario(), 20)) >= 2


def test_a_member_keeps_the_epoch_that_it_saw(tmp_path: Path) -> None:
    come_back_to(tmp_path, broker_of_a_running_federation(VERSION, epoch=EPOCH + 1))
    assert DeviceFolder(tmp_path).newest_seen() == (EPOCH + 1, VERSION)


def test_a_restarted_member_refuses_a_lower_version_of_the_same_epoch(tmp_path: Path) -> None:
    assert come_back_to(tmp_path, broker_of_a_running_federation(VERSION - 1)) == (1, VERSION)


def test_a_restarted_member_accepts_a_lower_version_of_a_higher_epoch(tmp_path: Path) -> None:
    assert come_back_to(tmp_path, broker_of_a_running_federation(2, epoch=EPOCH + 1)) == (0, 2)
