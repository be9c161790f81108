"""The edge client's shell on a broker inside the process."""

import asyncio
import itertools
from pathlib import Path

import pytest

from mfpt_edge.config import parse_retries
from mfpt_edge.device import DeviceFolder
from mfpt_edge.link import client_will
from mfpt_edge.service import STATE_SECONDS, EdgeClient
from mfpt_shared.codec import decode, encode
from mfpt_shared.errors import Incompatible, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.memory import MemoryBroker, MemoryTransport
from mfpt_shared.messages import Assign, ClientState, CoordinatorState, Prompt, PromptHeader, Ready, Update
from mfpt_shared.plan import Backbone, Plan, Task, plan_to_json
from mfpt_shared.plan import Prompt as PromptPlan
from mfpt_shared.tensors import halve, initial_state
from mfpt_shared.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, PLAN, PROMPT, parse
from mfpt_shared.transport import Inbound
from support.stub import Gate, StubTrainer

SWAHILI = LanguageCode("swh")
THE_PLAN = Plan(task=Task(labels=("a", "b")), backbone=Backbone(width=4, layers=2), prompt=PromptPlan(tokens=2))
SECONDS = 10.0


def broker_of_a_running_federation(version: int) -> MemoryBroker:
    """Everything that the broker keeps is there before the device comes, and reaches it in one batch."""
    broker = MemoryBroker()
    header = PromptHeader(language=SWAHILI, version=version, plan=THE_PLAN.digest, backbone="")
    state = CoordinatorState(state="online", coordinator="c", version=version, started=1.0)
    broker.retained = {
        PLAN.path("default"): plan_to_json(THE_PLAN),
        PROMPT.path("default", SWAHILI): encode(Prompt(header, halve(initial_state(THE_PLAN)))),
        COORDINATOR_STATE.path("default"): encode(state),
    }
    return broker


def device(folder: Path, broker: MemoryBroker, gate: Gate | None = None) -> tuple[EdgeClient, MemoryTransport]:
    place = DeviceFolder(folder)
    identity = place.enrol(SWAHILI)
    transport = MemoryTransport(broker, client_will("default", identity))
    trainer = StubTrainer(gate=gate)
    ticks = itertools.count(step=STATE_SECONDS)  # as if every look at the clock took so long
    client = EdgeClient(place, identity, "default", transport, prepare=lambda _: trainer, clock=lambda: next(ticks))
    return client, transport


async def next_up(spy: MemoryTransport, kind: type) -> object:
    while True:
        for event in await spy.receive():
            if isinstance(event, Inbound):
                message = decode(parse(event.topic, "default").topic, event.payload)
                if isinstance(message, kind):
                    return message


def test_a_device_that_joins_a_running_federation_trains_from_its_version(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(7)
        client, transport = device(tmp_path, broker)
        spy = MemoryTransport(broker)
        await spy.connect()
        spy.subscribe(CLIENT_UP.path("default"))
        await transport.connect()
        running = asyncio.create_task(client.run())
        try:
            await next_up(spy, Ready)
            identity = DeviceFolder(tmp_path).enrol(SWAHILI)
            spy.publish(CLIENT_DOWN.path("default", identity.client), encode(Assign(version=7, deadline=60)))
            update = await next_up(spy, Update)
            assert isinstance(update, Update)
            assert update.header.base_version == 7
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            client.worker.close()
        assert DeviceFolder(tmp_path).prompt().header.version == 7

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_the_progress_of_a_long_training_is_seen_while_it_lasts(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker, gate = broker_of_a_running_federation(0), Gate()
        client, transport = device(tmp_path, broker, gate)
        spy = MemoryTransport(broker)
        await spy.connect()
        spy.subscribe(CLIENT_UP.path("default"), CLIENT_STATE.path("default"))
        await transport.connect()
        running = asyncio.create_task(client.run())
        try:
            await next_up(spy, Ready)
            identity = DeviceFolder(tmp_path).enrol(SWAHILI)
            spy.publish(CLIENT_DOWN.path("default", identity.client), encode(Assign(version=0, deadline=60)))
            while True:
                state = await next_up(spy, ClientState)
                assert isinstance(state, ClientState)
                if (state.phase, state.progress) == ("training", 0.5):
                    break
        finally:
            gate.open.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            client.worker.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_plan_that_this_version_cannot_follow_ends_the_device_with_a_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(0)
        newer = plan_to_json(THE_PLAN).replace(b'"training":{', b'"training":{"of_the_future":1,')
        broker.retained[PLAN.path("default")] = newer
        client, transport = device(tmp_path, broker)
        await transport.connect()
        with pytest.raises(Incompatible, match="of_the_future"):
            await client.run()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


@pytest.mark.parametrize(("text", "attempts"), [("forever", None), ("0", 0), ("12", 12)])
def test_retry_takes_a_number_or_forever(text: str, attempts: int | None) -> None:
    assert parse_retries(text) == attempts


@pytest.mark.parametrize("text", ["", "-1", "often", "1.5"])
def test_any_other_retry_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--retry"):
        parse_retries(text)
