"""What the bytes on a device's topics mean, and how they are counted."""

import asyncio
import json

import pytest

from mfpt_edge.core.events import CoordinatorSeen, PlanReceived, PromptReceived, Told
from mfpt_edge.session.channel import Channel, Listener, Understood
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.trust import Trust
from mfpt_shared.errors import DecodeError, Incompatible
from mfpt_shared.plan import Plan, PromptSpec
from mfpt_shared.plan_files import published_plan
from mfpt_shared.protocol.messages import Ack, Prompt, Ready
from mfpt_shared.protocol.topics import CLIENT_UP, COORDINATOR_STATE, PLAN, PROMPT
from mfpt_shared.transport.base import PACKET_OVERHEAD, Connected, Inbound
from mfpt_shared.transport.in_process import MemoryTransport
from support.sealing import inbound
from support.session import (
    FEDERATION,
    IDENTITY,
    SESSION,
    SWAHILI,
    THE_PLAN,
    broker_of_a_running_federation,
    notice,
    online,
    plan_of_the_future,
    prompt_of,
    said,
    told,
)

LONGER_PLAN = Plan(task=THE_PLAN.task, backbone=THE_PLAN.backbone, prompt=PromptSpec(tokens=3))


def meaning(message: Inbound, plan: Plan | None = THE_PLAN) -> Understood | None:
    return Listener(FEDERATION, Trust(), Freshness(session=1)).understand(message, plan, at=5.0)


def test_a_plan_becomes_an_event() -> None:
    assert meaning(said(PLAN, notice())) == PlanReceived(5.0, THE_PLAN)


def test_the_coordinators_state_becomes_an_event() -> None:
    event = meaning(said(COORDINATOR_STATE, online(1)))
    assert isinstance(event, CoordinatorSeen)
    assert (event.message.state, event.message.version) == ("online", 1)


def test_an_answer_becomes_an_event() -> None:
    event = meaning(told(IDENTITY.client, Ack(sequence=3)))
    assert isinstance(event, Told)
    assert isinstance(event.message, Ack)
    assert event.message.sequence == 3


def test_a_prompt_becomes_an_event() -> None:
    received = meaning(said(PROMPT, prompt_of(7), SWAHILI))
    assert isinstance(received, PromptReceived)
    assert received.prompt.header == prompt_of(7).header


def test_a_retained_message_that_was_removed_means_nothing() -> None:
    assert meaning(Inbound(PROMPT.path(FEDERATION, SWAHILI), b"")) is None


def test_a_damaged_prompt_is_a_decode_error() -> None:
    whole = said(PROMPT, prompt_of(1), SWAHILI)
    with pytest.raises(DecodeError):
        meaning(Inbound(whole.topic, whole.payload[:-1]))


def test_a_prompt_with_another_layout_than_its_plan_is_a_decode_error() -> None:
    wrong = Prompt(prompt_of(1).header, prompt_of(1, plan=LONGER_PLAN).state)
    with pytest.raises(DecodeError, match="version 1 of the prompt does not fit its plan"):
        meaning(said(PROMPT, wrong, SWAHILI))


def test_a_prompt_of_another_plan_is_for_the_core_to_judge() -> None:
    assert isinstance(meaning(said(PROMPT, prompt_of(1, plan=LONGER_PLAN), SWAHILI)), PromptReceived)


def test_a_plan_that_cannot_be_followed_is_incompatible() -> None:
    with pytest.raises(Incompatible, match="of_the_future"):
        meaning(plan_of_the_future())


def test_a_plan_of_an_older_coordinator_is_followed_under_the_name_that_it_has_there() -> None:
    older = json.loads(THE_PLAN.binding)
    del older["training"]["schedule"]
    plan = published_plan(json.dumps(older, separators=(",", ":")).encode())
    event = meaning(said(PLAN, notice(plan)))
    assert isinstance(event, PlanReceived)
    assert event.plan.digest == plan.digest != THE_PLAN.digest


def test_what_another_device_says_is_a_decode_error() -> None:
    ready = Ready(language="swh", examples=1, plan=THE_PLAN.digest, backbone="")
    with pytest.raises(DecodeError, match="not meant for a device"):
        meaning(inbound(CLIENT_UP, "somebody", ready, federation=FEDERATION))


def test_traffic_is_counted_both_ways() -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(0)
        transport, spy = MemoryTransport(broker), MemoryTransport(broker)
        channel = Channel(transport, FEDERATION, SESSION)
        await spy.connect()
        await transport.connect()
        channel.subscribe()
        channel.ask_for_prompt()
        kept = sum(len(topic) + len(payload) + PACKET_OVERHEAD for topic, payload in broker.retained.items())
        assert Connected() in await channel.receive()
        assert (channel.bytes_up, channel.bytes_down) == (0, kept)
        up = CLIENT_UP.path(FEDERATION, IDENTITY.client)
        spy.subscribe(up)
        channel.send_update(b"x" * 100)
        (sent,) = [event for event in await spy.receive() if isinstance(event, Inbound)]
        assert channel.bytes_up == len(up) + len(sent.payload) + PACKET_OVERHEAD

    asyncio.run(scenario())
