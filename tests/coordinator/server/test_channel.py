"""What messages mean to the coordinator, and which messages it publishes."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import numpy as np
import pytest

from mfpt_coord.core.events import ClientSaid, UpdateArrived
from mfpt_coord.server.channel import Channel, CoordinatorIdentity, coordinator_will, understand
from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import Ack, ClientState, CoordinatorState, Ready, Update, UpdateHeader
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, PLAN
from mfpt_shared.transport.base import Connected, Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.federation import tiny_plan

IDENTITY = CoordinatorIdentity("c0", started=5.0)
STATE = ClientState(state="online", language="swh")
READY = Ready(language="swh", examples=3, plan="p", backbone="b")
ValueT = TypeVar("ValueT")


class Setting:
    """A coordinator's channel and a device on the same broker."""

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


def test_what_devices_say_is_received_in_order() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.device.publish(CLIENT_STATE.path("test", "d1"), encode(STATE), retain=True)
        setting.device.publish(CLIENT_UP.path("test", "d2"), encode(READY))

        heard = await setting.channel.receive()

        events = [understand(one, "test", 9.0) for one in heard if isinstance(one, Inbound)]
        assert events == [ClientSaid(9.0, "d1", STATE), ClientSaid(9.0, "d2", READY)]

    within(scenario())


def test_an_update_is_understood_with_the_bytes_that_it_came_in() -> None:
    header = UpdateHeader(sequence=1, language="swh", base_version=0, examples=3, plan="p", backbone="b")
    payload = encode(Update(header, {"head.bias": np.ones(2, np.float32)}))

    event = understand(Inbound(CLIENT_UP.path("test", "d1"), payload), "test", 9.0)

    assert isinstance(event, UpdateArrived)
    assert (event.at, event.client, event.update.header, event.payload) == (9.0, "d1", header, payload)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (CLIENT_UP.path("test", "d1"), b"{nonsense"),
        (CLIENT_UP.path("other", "d1"), encode(READY)),
        (CLIENT_DOWN.path("test", "d1"), encode(Ack(sequence=1))),
    ],
    ids=["damaged", "of another federation", "not from a device"],
)
def test_what_no_device_of_the_federation_says_is_refused(topic: str, payload: bytes) -> None:
    with pytest.raises(DecodeError):
        understand(Inbound(topic, payload), "test", 9.0)


def test_a_state_that_was_removed_from_the_broker_means_nothing() -> None:
    assert understand(Inbound(CLIENT_STATE.path("test", "d1"), b""), "test", 9.0) is None


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

        assert await setting.device.receive() == [Inbound(CLIENT_DOWN.path("test", "d1"), encode(Ack(sequence=2)))]
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
