"""The edge client's shell on a broker inside the process."""

import asyncio
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.session.prompt_keeper import PromptKeeper
from mfpt_edge.storage.device_folder import PERSONAL_PROMPT_FILE, DeviceFolder
from mfpt_edge.storage.saved_prompt import kept_model
from mfpt_shared.device.own_share import SHARES
from mfpt_shared.errors import ConnectionFailed, DatasetError, Incompatible, MfptError
from mfpt_shared.plan import Plan, Task
from mfpt_shared.protocol.codec import encode, understand
from mfpt_shared.protocol.messages import Ack, ClientState, Prompt, Stop, Update
from mfpt_shared.protocol.topics import CLIENT_STATE, PROMPT
from mfpt_shared.tensors import dense
from mfpt_shared.transport.base import Disconnected
from mfpt_shared.transport.in_process import MemoryBroker
from support.device import assigned, device, next_up
from support.keeper import Keeper
from support.session import (
    EPOCH,
    FEDERATION,
    SWAHILI,
    THE_PLAN,
    broker_of_a_running_federation,
    keep,
    plan_of_the_future,
    prompt_of,
    said,
)
from support.stub import Gate, StubTrainer

SECONDS = 10.0


def test_a_device_that_joins_a_running_federation_trains_from_its_version(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with assigned(tmp_path, broker_of_a_running_federation(7), version=7) as running:
            update = await next_up(running.spy, Update)
            assert update.header.base_version == 7
        assert DeviceFolder(tmp_path).prompt().header.version == 7

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_the_progress_of_a_long_training_is_seen_while_it_lasts(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker, gate = broker_of_a_running_federation(0), Gate()
        async with assigned(tmp_path, broker, version=0, trainer=StubTrainer(gate=gate)) as running:
            try:
                await next_up(
                    running.spy, ClientState, lambda state: (state.phase, state.progress) == ("training", 0.5)
                )
            finally:
                gate.open.set()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


async def one_round(folder: Path, broker: MemoryBroker, trainer: StubTrainer, version: int) -> EdgeClient:
    """Let a device take part until it has sent an update of this run; return it, ended."""
    before = DeviceFolder(folder).outbox().last_sequence
    async with assigned(folder, broker, version, trainer=trainer) as running:
        # Nobody has acknowledged those of earlier runs: they are sent again.
        await next_up(running.spy, Update, lambda update: update.header.sequence > before)
    return running.client


def personal_bias(folder: Path) -> float | None:
    personal = DeviceFolder(folder).personal_prompt(THE_PLAN)
    return None if personal is None else float(dense(personal.state)["head.bias"][0])


def test_what_a_device_uses_is_its_personal_prompt_also_after_it_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        await one_round(tmp_path, broker_of_a_running_federation(7), Keeper(SHARES[5]), version=7)
        header = kept_model(DeviceFolder(tmp_path)).prompt.header
        assert (header.version, header.own_share) == (7, SHARES[5])
        assert personal_bias(tmp_path) == np.float32(SHARES[5])

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_personal_prompt_goes_with_all_that_is_known_of_the_prompt_that_it_was_made_of(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker, gate = broker_of_a_running_federation(7), Gate()
        async with assigned(tmp_path, broker, 7, trainer=Keeper(SHARES[5], gate=gate)) as running:
            await asyncio.to_thread(gate.reached.wait, SECONDS)
            running.hears(said(PROMPT, prompt_of(9), SWAHILI, epoch=EPOCH + 1))
            while running.client.snapshot.version != 9:
                await asyncio.sleep(0)
            gate.open.set()
            await next_up(running.spy, Update)
        header = kept_model(DeviceFolder(tmp_path)).prompt.header
        assert header == msgspec.structs.replace(prompt_of(7).header, own_share=SHARES[5])

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_the_own_share_of_an_earlier_run_holds_for_later_rounds(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(7)
        for _ in range(4):
            await one_round(tmp_path, broker, Keeper(SHARES[5]), version=7)
        later = await one_round(tmp_path, broker, Keeper(0.0), version=7)
        assert later.prompts.personal is not None
        assert later.prompts.personal.share == SHARES[5]

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_share_of_nothing_is_chosen_once_and_holds_in_later_runs_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(7)
        for _ in range(4):
            await one_round(tmp_path, broker, Keeper(0.0), version=7)
        assert DeviceFolder(tmp_path).own_share(THE_PLAN) == 0
        # By then the prompt has seen the held-out examples: nothing may be measured or chosen on them.
        later = await one_round(tmp_path, broker, Keeper(SHARES[5]), version=7)
        assert later.prompts.personal is not None
        assert (later.prompts.personal.share, later.prompts.personal.measured.examples) == (0, 0)

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_device_that_took_part_under_another_plan_holds_examples_out_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        outbox, broker = DeviceFolder(tmp_path).outbox(), broker_of_a_running_federation(7)
        outbox.put(9, b"")
        outbox.forget(9)
        known = []
        for _ in range(5):
            client = await one_round(tmp_path, broker, Keeper(0.0), version=7)
            known.append(bool(client.snapshot.accuracies))
        assert known == [True] * 4 + [False], "four prompts come before it trains on all"

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_device_that_keeps_nothing_of_its_own_has_just_the_federations_prompt(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(7)
        await one_round(tmp_path, broker, Keeper(SHARES[5]), version=7)
        assert personal_bias(tmp_path) is not None
        client = await one_round(tmp_path, broker, Keeper(0.0), version=7)
        assert client.prompts.personal is not None
        assert client.prompts.personal.share == 0
        assert personal_bias(tmp_path) is None

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_damaged_personal_prompt_stops_no_device(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / PERSONAL_PROMPT_FILE).write_bytes(b"MFPT and then nothing")
        await one_round(tmp_path, broker_of_a_running_federation(7), Keeper(SHARES[5]), version=7)
        assert kept_model(DeviceFolder(tmp_path)).prompt.header.own_share == SHARES[5], "chosen again"

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_personal_prompt_for_another_plan_says_nothing(tmp_path: Path) -> None:
    another = Plan(task=Task(labels=("c", "d")), backbone=THE_PLAN.backbone, prompt=THE_PLAN.prompt)
    folder = DeviceFolder(tmp_path)
    stored = prompt_of(3, plan=another)
    header = msgspec.structs.replace(stored.header, own_share=SHARES[6])
    folder.save_personal_prompt(encode(Prompt(header, stored.state)))
    keeper = PromptKeeper(folder, PatientDisk())
    assert keeper.share(another) == SHARES[6]
    assert keeper.share(THE_PLAN) is None


def test_a_plan_that_this_version_cannot_follow_ends_the_device_with_a_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(0)
        keep(broker, plan_of_the_future())
        client, transport = device(tmp_path, broker)
        await transport.connect()
        with pytest.raises(Incompatible, match="of_the_future"):
            await client.run()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_at_the_end_a_device_says_what_the_federation_was_good_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(7)
        async with assigned(tmp_path, broker, version=7, trainer=Keeper(SHARES[5], step=0.25)) as running:
            client, ready = running.client, running.ready
            await next_up(running.spy, Update)
            running.told(Ack(sequence=1))
            running.told(Stop(reason="finished", version=7, session=ready.session, ready=ready.number))
            await running.ended
            outcome = await client.result(alone=True)
        assert (outcome.version, outcome.own_share) == (7, SHARES[5])
        assert (outcome.accuracy_after, outcome.accuracy_alone) == (0.0, 0.25)
        assert outcome.accuracy_personal == np.float32(SHARES[5])
        assert client.snapshot.rounds == 1

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_device_that_never_took_part_has_no_result(tmp_path: Path) -> None:
    async def scenario() -> None:
        client, _ = device(tmp_path, MemoryBroker())
        with pytest.raises(MfptError, match="before this device could take part"):
            await client.result(alone=False)
        client.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_data_that_cannot_be_loaded_ends_the_device_with_the_reason(tmp_path: Path) -> None:
    def no_data(_: Plan) -> StubTrainer:
        raise DatasetError("sentences.csv has no column 'text'")

    async def scenario() -> None:
        broker = broker_of_a_running_federation(0)
        client, transport = device(tmp_path, broker, prepare=no_data)
        await transport.connect()
        with pytest.raises(DatasetError, match="no column"):
            await client.run()
        identity = DeviceFolder(tmp_path).enrol(SWAHILI)
        path = CLIENT_STATE.path(FEDERATION, identity.client)
        last = understand(path, broker.retained[path], FEDERATION)
        assert last is not None
        assert isinstance(last.message, ClientState)
        assert last.message.state == "offline", "it said goodbye all the same"

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_data_that_cannot_be_loaded_leaves_the_plan_and_the_prompt_of_an_earlier_federation(tmp_path: Path) -> None:
    def no_data(_: Plan) -> StubTrainer:
        raise DatasetError("sentences.csv has no column 'text'")

    earlier = Plan(task=Task(labels=("c", "d")), backbone=THE_PLAN.backbone, prompt=THE_PLAN.prompt)
    folder = DeviceFolder(tmp_path)
    folder.save_plan(earlier.binding)
    folder.save_prompt(encode(prompt_of(3, plan=earlier)))

    async def scenario() -> None:
        client, transport = device(tmp_path, broker_of_a_running_federation(7), prepare=no_data)
        await transport.connect()
        with pytest.raises(DatasetError):
            await client.run()
        held = kept_model(folder)
        assert (held.plan.digest, held.prompt.header.version) == (earlier.digest, 3)

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_device_gives_up_after_as_many_attempts_to_reconnect_as_it_may_make(tmp_path: Path) -> None:
    async def scenario() -> None:
        client, transport = device(tmp_path, broker_of_a_running_federation(0), retries=2)
        await transport.connect()
        running = asyncio.create_task(client.run())
        for attempts in range(3):
            assert not running.done()
            transport.put(Disconnected("connection lost", attempts))
            await asyncio.sleep(0)
        with pytest.raises(ConnectionFailed, match="2 attempts"):
            await running

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
