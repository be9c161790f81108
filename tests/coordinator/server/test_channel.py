"""Which messages the coordinator publishes, and how they are stamped and signed."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from mfpt_coord.core.state import initial
from mfpt_coord.core.status import federation_status
from mfpt_coord.server.channel import Channel, CoordinatorIdentity, coordinator_will
from mfpt_shared import __version__
from mfpt_shared.plan import Plan, binding_part, made
from mfpt_shared.protocol.codec import Decoded, understand
from mfpt_shared.protocol.messages import Ack, ClientState, CoordinatorState, PlanNotice, Ready
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    PLAN,
    Topic,
)
from mfpt_shared.transport.base import Connected
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.federation import tiny_plan
from support.sealing import inbound, key_of

IDENTITY = CoordinatorIdentity("c0", started=5.0, epoch=3, key=key_of("coordinator"))
STATE = ClientState(state="online", language="swh", session=1, number=1)
READY = Ready(language="swh", examples=3, plan="p", backbone="b", session=1, number=1)
ValueT = TypeVar("ValueT")


class Setting:
    """A coordinator's channel and a device on the same broker."""

    def __init__(self) -> None:
        broker = MemoryBroker()
        self.broker = broker
        self.device = MemoryTransport(broker)
        transport = MemoryTransport(broker, coordinator_will("test", IDENTITY))
        self.transport = transport
        self.channel = Channel(transport, "test", IDENTITY, lambda: 9.0)

    async def start(self) -> None:
        await self.device.connect()
        await self.channel.connect()
        assert await self.channel.receive() == [Connected()]
        self.channel.subscribe()

    def kept(self, topic: Topic) -> Decoded:
        """What the broker keeps on a topic; the coordinator signed it."""
        received = understand(topic.path("test"), self.broker.retained[topic.path("test")], "test")
        assert received is not None
        assert received.signer == IDENTITY.key.public
        return received.message


def within(coroutine: Coroutine[object, object, ValueT]) -> ValueT:
    async def limited() -> ValueT:
        return await asyncio.wait_for(coroutine, 5)

    return asyncio.run(limited())


def test_what_devices_say_is_received_in_order() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        first, second = inbound(CLIENT_STATE, "d1", STATE), inbound(CLIENT_UP, "d2", READY)
        setting.device.publish(first.topic, first.payload, retain=True)
        setting.device.publish(second.topic, second.payload)

        assert await setting.channel.receive() == [first, second]

    within(scenario())


def test_plan_and_state_wait_at_the_broker_for_devices_that_come_later() -> None:
    async def scenario() -> None:
        setting, plan = Setting(), tiny_plan()
        await setting.start()
        setting.channel.publish_plan(plan, 7)
        setting.channel.publish_state(7)

        assert setting.kept(PLAN) == PlanNotice(
            digest=plan.digest, plan=made(Plan, **binding_part(plan)), epoch=3, version=7, at=9.0
        )
        assert setting.kept(COORDINATOR_STATE) == CoordinatorState(
            state="online", coordinator="c0", started=5.0, epoch=3, version=7, at=9.0, mfpt=__version__
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

        expected = inbound(CLIENT_DOWN, "d1", Ack(sequence=2, epoch=3, at=9.0), "coordinator")
        assert await setting.device.receive() == [expected]
        assert setting.broker.retained == {}

    within(scenario())


def test_a_coordinator_that_vanishes_is_announced_as_offline_by_its_will() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.channel.publish_state(7)
        setting.broker.drop(setting.transport)

        left = setting.kept(COORDINATOR_STATE)
        assert isinstance(left, CoordinatorState)
        assert (left.state, left.coordinator) == ("offline", "c0")

    within(scenario())


def test_a_coordinator_that_ends_after_the_last_version_says_so() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.start()
        setting.channel.publish_state(7, online=False, finished=True)

        left = setting.kept(COORDINATOR_STATE)
        assert isinstance(left, CoordinatorState)
        assert (left.state, left.finished, left.version) == ("offline", True, 7)

    within(scenario())


def test_no_status_waits_for_a_broker_that_is_away() -> None:
    async def scenario() -> None:
        setting = Setting()
        status = federation_status(initial(tiny_plan()), started=5.0, at=9.0)
        await setting.start()
        setting.broker.drop(setting.transport)
        await setting.channel.receive()
        setting.channel.publish_status(status)
        await setting.transport.connect()
        assert COORDINATOR_STATUS.path("test") not in setting.broker.retained

        await setting.channel.receive()
        setting.channel.publish_status(status)
        assert COORDINATOR_STATUS.path("test") in setting.broker.retained

    within(scenario())
