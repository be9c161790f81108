"""What the coordinator's channel makes of messages, and which messages it makes."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TypeVar

import pytest

from mfpt_coord.server.channel import Channel, CoordinatorIdentity, FromDevice, coordinator_will
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import Ack, ClientState, CoordinatorState, Ready
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, PLAN
from mfpt_shared.transport.base import Connected
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.federation import tiny_plan

IDENTITY = CoordinatorIdentity("c0", started=5.0)
STATE = ClientState(state="online", language="swh")
READY = Ready(language="swh", examples=3, plan="p", backbone="b")
ValueT = TypeVar("ValueT")


class Setting:
    """A channel on a broker that also a device is connected to."""

    def __init__(self) -> None:
        broker = MemoryBroker()
        self.broker = broker
        self.device = MemoryTransport(broker)
        transport = MemoryTransport(broker, coordinator_will("test", IDENTITY))
        self.transport = transport
        self.channel = Channel(transport, "test", IDENTITY)

    async def start(self) -> None:
        await self.device.connect()
        await self.channel.connect()
        assert await self.channel.receive() == [Connected()]
        self.channel.subscribe()


def within(coroutine: Coroutine[object, object, ValueT]) -> ValueT:
    async def limited() -> ValueT:
        return await asyncio.wait_for(coroutine, 5)

    return asyncio.run(limited())


def test_what_devices_say_is_received_as_messages_in_order() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.device.publish(CLIENT_STATE.path("test", "d1"), encode(STATE), retain=True)
        setting.device.publish(CLIENT_UP.path("test", "d2"), encode(READY))

        heard = await setting.channel.receive()

        assert heard == [FromDevice("d1", STATE, encode(STATE)), FromDevice("d2", READY, encode(READY))]

    within(scenario())


def test_a_message_that_cannot_be_read_is_logged_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.device.publish(CLIENT_UP.path("test", "d1"), b"{nonsense")
        setting.device.publish(CLIENT_UP.path("test", "d2"), encode(READY))

        heard = await setting.channel.receive()

        assert [one.client for one in heard if isinstance(one, FromDevice)] == ["d2"]

    with caplog.at_level(logging.WARNING):
        within(scenario())
    assert "client/d1/up" in caplog.text


def test_a_state_that_was_removed_from_the_broker_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.device.publish(CLIENT_STATE.path("test", "d1"), encode(STATE), retain=True)
        setting.device.publish(CLIENT_STATE.path("test", "d1"), b"", retain=True)

        assert len(await setting.channel.receive()) == 1

    within(scenario())
    assert caplog.text == ""


def test_plan_and_state_wait_at_the_broker_for_devices_that_come_later() -> None:
    async def scenario() -> None:
        setting, plan = Setting(), tiny_plan()
        await setting.start()
        setting.channel.publish_plan(plan)
        setting.channel.publish_state(7)

        kept = setting.broker.retained
        assert decode(PLAN, kept[PLAN.path("test")]) == plan
        assert decode(COORDINATOR_STATE, kept[COORDINATOR_STATE.path("test")]) == CoordinatorState(
            state="online", coordinator="c0", version=7, started=5.0
        )

    within(scenario())


def test_a_message_to_a_device_reaches_that_device_and_is_not_kept() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.device.subscribe(CLIENT_DOWN.path("test", "d1"))
        await setting.device.receive()
        setting.channel.send("d2", Ack(sequence=1))
        setting.channel.send("d1", Ack(sequence=2))

        (inbound,) = await setting.device.receive()

        assert inbound.payload == encode(Ack(sequence=2))  # type: ignore[union-attr]
        assert setting.broker.retained == {}

    within(scenario())


def test_a_coordinator_that_vanishes_is_announced_as_offline_by_its_will() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.channel.publish_state(7)
        setting.broker.drop(setting.transport)

        left = decode(COORDINATOR_STATE, setting.broker.retained[COORDINATOR_STATE.path("test")])
        assert isinstance(left, CoordinatorState)
        assert (left.state, left.coordinator) == ("offline", "c0")

    within(scenario())
