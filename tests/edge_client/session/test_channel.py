"""What the bytes on a device's topics mean, and how they are counted."""

import asyncio

import pytest

from mfpt_edge.core.events import CoordinatorSeen, Event, PlanReceived, PromptReceived, Told
from mfpt_edge.session.channel import PACKET_OVERHEAD, Channel, understand
from mfpt_shared.errors import DecodeError, Incompatible
from mfpt_shared.plan import Plan, PromptSpec, plan_to_json
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Ack, CoordinatorState, Prompt, Ready
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP, COORDINATOR_STATE, PLAN, PROMPT
from mfpt_shared.transport.base import Connected, Inbound
from mfpt_shared.transport.in_process import MemoryTransport
from support.session import FEDERATION, IDENTITY, SWAHILI, THE_PLAN, broker_of_a_running_federation, prompt_of

PROMPTS = PROMPT.path(FEDERATION, SWAHILI)


def meaning(topic: str, payload: bytes, plan: Plan | None = THE_PLAN) -> Event | None:
    return understand(Inbound(topic, payload), FEDERATION, plan, at=5.0)


def test_every_message_for_a_device_becomes_an_event() -> None:
    online = CoordinatorState(state="online", coordinator="c", version=1, started=1.0)
    answer = Ack(sequence=3)
    assert meaning(PLAN.path(FEDERATION), plan_to_json(THE_PLAN)) == PlanReceived(5.0, THE_PLAN)
    assert meaning(COORDINATOR_STATE.path(FEDERATION), encode(online)) == CoordinatorSeen(5.0, online)
    assert meaning(CLIENT_DOWN.path(FEDERATION, IDENTITY.client), encode(answer)) == Told(5.0, answer)
    received = meaning(PROMPTS, encode(prompt_of(7)))
    assert isinstance(received, PromptReceived)
    assert received.prompt.header == prompt_of(7).header


def test_a_retained_message_that_was_removed_means_nothing() -> None:
    assert meaning(PROMPTS, b"") is None


def test_a_damaged_prompt_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        meaning(PROMPTS, encode(prompt_of(1))[:-1])


def test_a_prompt_with_another_layout_than_its_plan_is_a_decode_error() -> None:
    longer = Plan(task=THE_PLAN.task, backbone=THE_PLAN.backbone, prompt=PromptSpec(tokens=3))
    wrong = Prompt(prompt_of(1).header, prompt_of(1, plan=longer).state)
    with pytest.raises(DecodeError, match="version 1 of the prompt does not fit its plan"):
        meaning(PROMPTS, encode(wrong))


def test_a_prompt_of_another_plan_is_for_the_core_to_judge() -> None:
    longer = Plan(task=THE_PLAN.task, backbone=THE_PLAN.backbone, prompt=PromptSpec(tokens=3))
    assert isinstance(meaning(PROMPTS, encode(prompt_of(1, plan=longer))), PromptReceived)


def test_a_plan_that_cannot_be_followed_is_incompatible() -> None:
    newer = plan_to_json(THE_PLAN).replace(b'"training":{', b'"training":{"of_the_future":1,')
    with pytest.raises(Incompatible, match="of_the_future"):
        meaning(PLAN.path(FEDERATION), newer)


def test_what_another_device_says_is_a_decode_error() -> None:
    ready = Ready(language="swh", examples=1, plan=THE_PLAN.digest, backbone="")
    with pytest.raises(DecodeError, match="not meant for a device"):
        meaning(CLIENT_UP.path(FEDERATION, "somebody"), encode(ready))


def test_traffic_is_counted_both_ways() -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(0)
        transport = MemoryTransport(broker)
        channel = Channel(transport, FEDERATION, IDENTITY)
        await transport.connect()
        channel.subscribe()
        kept = sum(len(topic) + len(payload) + PACKET_OVERHEAD for topic, payload in broker.retained.items())
        assert Connected() in await channel.receive()
        assert (channel.bytes_up, channel.bytes_down) == (0, kept)
        channel.send_update(b"x" * 100)
        up = CLIENT_UP.path(FEDERATION, IDENTITY.client)
        assert channel.bytes_up == len(up) + 100 + PACKET_OVERHEAD

    asyncio.run(scenario())
