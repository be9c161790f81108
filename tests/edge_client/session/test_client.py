"""The edge client's shell on a broker inside the process."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.status_publisher import STATE_SECONDS
from mfpt_edge.storage.device_folder import OWN_PROMPT_FILE, DeviceFolder
from mfpt_edge.storage.saved_prompt import held
from mfpt_shared.device.trainer import Measured
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, plan_to_json
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import Assign, ClientState, CoordinatorState, Prompt, PromptHeader, Ready, Update
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, PLAN, PROMPT, parse
from mfpt_shared.tensors import PromptState, dense, halve, initial_state
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.stub import Gate, StubTrainer

SWAHILI = LanguageCode("swh")
THE_PLAN = Plan(task=Task(labels=("a", "b")), backbone=BackboneSpec(width=4, layers=2), prompt=PromptSpec(tokens=2))
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


def device(
    folder: Path, broker: MemoryBroker, gate: Gate | None = None, trainer: StubTrainer | None = None
) -> tuple[EdgeClient, MemoryTransport]:
    place = DeviceFolder(folder)
    identity = place.enrol(SWAHILI)
    transport = MemoryTransport(broker, client_will("default", identity))
    trainer = trainer or StubTrainer(gate=gate)
    ticks = itertools.count(step=STATE_SECONDS)  # as if every look at the clock took so long
    client = EdgeClient(place, identity, "default", transport, prepare=lambda _: trainer, clock=lambda: next(ticks))
    return client, transport


async def next_up(spy: MemoryTransport, kind: type, wanted: Callable[[Any], bool] = lambda _: True) -> object:
    while True:
        for event in await spy.receive():
            if isinstance(event, Inbound):
                message = decode(parse(event.topic, "default").topic, event.payload)
                if isinstance(message, kind) and wanted(message):
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
            client.close()
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
            client.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


class Learner(StubTrainer):
    """Gets better, on its own validation examples, with everything that it adds to a prompt."""

    def validate(self, state: PromptState) -> Measured:
        return Measured(accuracy=min(1.0, float(state["head.bias"][0])), loss=1.0, examples=100)


async def one_round(folder: Path, broker: MemoryBroker, trainer: StubTrainer, version: int) -> EdgeClient:
    """Let a device take part until it has sent an update of this run; return it, ended."""
    before = DeviceFolder(folder).outbox().last_sequence
    client, transport = device(folder, broker, trainer=trainer)
    spy = MemoryTransport(broker)
    await spy.connect()
    spy.subscribe(CLIENT_UP.path("default"))
    await transport.connect()
    running = asyncio.create_task(client.run())
    try:
        await next_up(spy, Ready)
        identity = DeviceFolder(folder).enrol(SWAHILI)
        spy.publish(CLIENT_DOWN.path("default", identity.client), encode(Assign(version=version, deadline=60)))
        # Nobody has acknowledged those of earlier runs: they are sent again.
        await next_up(spy, Update, lambda update: update.header.sequence > before)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        client.close()
    return client


def own_bias(folder: Path) -> float | None:
    own = DeviceFolder(folder).own_prompt(THE_PLAN)
    return None if own is None else float(dense(own.state)["head.bias"][0])


def test_a_device_keeps_a_prompt_of_its_own_that_does_better_also_over_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(7)
        await one_round(tmp_path, broker, Learner(step=0.75), version=7)
        model = held(DeviceFolder(tmp_path))
        assert (model.prompt.header.version, own_bias(tmp_path)) == (7, 0.75)

        worse = await one_round(tmp_path, broker, Learner(step=0.25), version=7)
        assert worse.prompts.kept is not None
        assert worse.prompts.kept.origin == "own"
        assert own_bias(tmp_path) == 0.75, "of the run before"

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_prompt_of_its_own_is_forgotten_when_it_does_no_better(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(7)
        await one_round(tmp_path, broker, Learner(step=0.75), version=7)
        assert own_bias(tmp_path) == 0.75

        client = await one_round(tmp_path, broker, StubTrainer(step=0.75), version=7)
        assert client.prompts.kept is not None
        assert client.prompts.kept.origin == "federated"
        assert own_bias(tmp_path) is None

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_damaged_prompt_of_its_own_stops_no_device(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / OWN_PROMPT_FILE).write_bytes(b"MFPT and then nothing")
        await one_round(tmp_path, broker_of_a_running_federation(7), StubTrainer(), version=7)
        assert held(DeviceFolder(tmp_path)).prompt.header.version == 7

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_prompt_of_its_own_for_another_plan_is_not_considered(tmp_path: Path) -> None:
    async def scenario() -> None:
        header = PromptHeader(language=SWAHILI, version=3, plan="0123456789abcdef", backbone="")
        state = {name: array + np.float32(1.0) for name, array in initial_state(THE_PLAN).items()}
        DeviceFolder(tmp_path).save_own_prompt(encode(Prompt(header, halve(state))))
        client = await one_round(tmp_path, broker_of_a_running_federation(7), Learner(step=0.5), version=7)
        assert client.prompts.kept is not None
        assert (client.prompts.kept.origin, client.prompts.kept.version) == ("own", 7)
        assert own_bias(tmp_path) == 0.5

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
