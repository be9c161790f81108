"""A device that has left takes what the others made since, without training."""

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mfpt_edge.commands.renewal import LOOK_AGAIN_SECONDS, Renewal, renew_in_passing, renewed
from mfpt_edge.session.refitting import refit
from mfpt_edge.storage.declined import decline
from mfpt_edge.storage.device_folder import PROMPT_FILE, DeviceFolder
from mfpt_edge.storage.prompt_age import LOOKED_FILE, looked_ago
from mfpt_edge.storage.saved_prompt import kept_model
from mfpt_shared.errors import ConnectionFailed, Incompatible, InUse, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.protocol.codec import encode
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.security import Security
from support.brokers import embedded
from support.federation import Device, coordinating, running, tiny_plan
from support.inbox import SECONDS
from support.stub import StubTrainer

pytestmark = pytest.mark.network


def refreshed(folder: Path, broker: BrokerAddress) -> Renewal:
    return renewed(DeviceFolder(folder), "test", broker=str(broker), security=Security(), proxy=None)


async def makes(rounds: int, folder: Path, language: str, address: BrokerAddress) -> None:
    """Let a device make rounds, each of which becomes a version, and leave."""
    device = Device(folder, language, address, StubTrainer(step=0.5), rounds=rounds)
    async with running(device) as ended:
        await asyncio.wait_for(ended, SECONDS)


def test_it_holds_the_newest_version_afterwards_and_asks_in_vain_for_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, tiny_plan(), broker.address),
        ):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            await makes(2, tmp_path / "yor", "yor", broker.address)

            first = await asyncio.to_thread(refreshed, tmp_path / "swh", broker.public_address)
            again = await asyncio.to_thread(refreshed, tmp_path / "swh", broker.public_address)

        assert (first, again) == (Renewal(1, 3), Renewal(3, 3))
        assert DeviceFolder(tmp_path / "swh").prompt().header.version == 3

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_who_has_never_taken_part_is_told_to_join_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no device in .*: run `mfpt-edge join` first$"):
        refreshed(tmp_path / "swh", BrokerAddress("127.0.0.1", 1))


def test_a_damaged_prompt_is_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            (tmp_path / "swh" / PROMPT_FILE).write_bytes(b"damaged")

            found = await asyncio.to_thread(refreshed, tmp_path / "swh", broker.public_address)

        assert found == Renewal(None, 1)
        assert DeviceFolder(tmp_path / "swh").prompt().header.version == 1

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_language_that_has_a_prompt_of_its_own_by_now_takes_that_instead_of_the_one_for_all_others(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            folder = DeviceFolder(tmp_path / "swh")
            header = msgspec.structs.replace(folder.prompt().header, language=UNDETERMINED)
            folder.save_prompt(encode(replace(folder.prompt(), header=header)))

            await asyncio.to_thread(refreshed, folder.path, broker.public_address)

            assert folder.prompt().header.language == "swh"

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_what_it_holds_stays_where_the_federation_follows_another_plan_or_nobody_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker:
            async with coordinating(tmp_path, tiny_plan(), broker.address):
                await makes(1, tmp_path / "swh", "swh", broker.address)
            async with coordinating(tmp_path / "other", tiny_plan(tokens=5), broker.address):
                with pytest.raises(Incompatible, match="kept as it is"):
                    await asyncio.to_thread(refreshed, tmp_path / "swh", broker.public_address)
            address = broker.public_address
        with pytest.raises(ConnectionFailed):
            await asyncio.to_thread(refreshed, tmp_path / "swh", address)
        assert DeviceFolder(tmp_path / "swh").prompt().header.version == 1

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_device_that_takes_part_now_keeps_its_prompt_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            with owned(tmp_path / "swh", "--state-dir"), pytest.raises(InUse):
                await asyncio.to_thread(refreshed, tmp_path / "swh", broker.public_address)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def aged(folder: Path, *names: str) -> DeviceFolder:
    """Let files be as old as those that `predict` has looked at long ago."""
    for name in names:
        os.utime(folder / name, times=(time.time() - LOOK_AGAIN_SECONDS,) * 2)
    return DeviceFolder(folder)


def test_predict_takes_a_newer_prompt_in_passing_and_seldom_looks_for_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            await makes(1, tmp_path / "yor", "yor", broker.address)
            folder = DeviceFolder(tmp_path / "swh")

            folder.save_broker(str(broker.public_address))
            await asyncio.to_thread(renew_in_passing, folder, "test")
            assert folder.prompt().header.version == 1, "the prompt is too young"
            await asyncio.to_thread(renew_in_passing, aged(folder.path, PROMPT_FILE), "test")
            assert folder.prompt().header.version == 2
        # Nobody answers now, and whoever looked a moment ago does not ask.
        aged(folder.path, PROMPT_FILE, LOOKED_FILE)
        await asyncio.to_thread(renew_in_passing, folder, "test")
        assert looked_ago(folder.path, time.time()) < LOOK_AGAIN_SECONDS
        assert folder.prompt().header.version == 2

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_predict_takes_no_prompt_that_did_worse_here_and_takes_the_next_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            folder = DeviceFolder(tmp_path / "swh")
            folder.save_broker(str(broker.public_address))
            held = folder.prompt()
            await makes(1, tmp_path / "yor", "yor", broker.address)
            await asyncio.to_thread(refreshed, folder.path, broker.public_address)
            decline(folder.path, folder.prompt().header)
            folder.save_prompt(encode(held))

            await asyncio.to_thread(renew_in_passing, aged(folder.path, PROMPT_FILE), "test")
            assert folder.prompt().header.version == 1
            await makes(1, tmp_path / "yor", "yor", broker.address)
            await asyncio.to_thread(renew_in_passing, aged(folder.path, PROMPT_FILE, LOOKED_FILE), "test")
            assert folder.prompt().header.version == 3

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_predict_says_that_a_head_of_its_own_stays_on_the_version_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            await makes(1, tmp_path / "yor", "yor", broker.address)
            folder = aged(tmp_path / "swh", PROMPT_FILE)
            keep_own(folder, share=0.5)
            folder.save_broker(str(broker.public_address))
            await asyncio.to_thread(renew_in_passing, folder, "test")

    asyncio.run(asyncio.wait_for(scenario(), 60))
    said = [record.message for record in caplog.records if "renewal" in record.name]
    assert "on version 1: `mfpt-edge refresh --data` fits it to version 2" in said[-1]
    assert kept_model(DeviceFolder(tmp_path / "swh")).prompt.header.version == 1


def keep_own(folder: DeviceFolder, *, share: float) -> None:
    """Let a device use a personal prompt made of the prompt that it holds."""
    held = folder.prompt()
    folder.save_personal_prompt(encode(replace(held, header=msgspec.structs.replace(held.header, own_share=share))))


def test_a_device_that_never_took_part_looks_for_nothing(tmp_path: Path) -> None:
    renew_in_passing(DeviceFolder(tmp_path / "none"), "test")
    assert not (tmp_path / "none").exists()


def test_offline_nobody_is_asked_and_the_age_of_the_prompt_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            DeviceFolder(tmp_path / "swh").save_broker(str(broker.public_address))
            renew_in_passing(DeviceFolder(tmp_path / "swh"), "test", offline=True)  # of a new prompt nothing is said
            folder = aged(tmp_path / "swh", PROMPT_FILE)
            await asyncio.to_thread(renew_in_passing, folder, "test", offline=True)
            assert not (folder.path / LOOKED_FILE).exists()

    asyncio.run(asyncio.wait_for(scenario(), 60))
    said = [record.message for record in caplog.records if "renewal" in record.name]
    assert len(said) == 1
    assert said[0].endswith("old; there may be a newer one")
    assert kept_model(DeviceFolder(tmp_path / "swh")).age >= LOOK_AGAIN_SECONDS


def test_a_prompt_that_was_found_to_be_the_newest_is_not_old(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            folder = aged(tmp_path / "swh", PROMPT_FILE)
            await asyncio.to_thread(refreshed, folder.path, broker.public_address)
            assert kept_model(folder).age < LOOK_AGAIN_SECONDS

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_head_of_its_own_is_fitted_to_the_newest_prompt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker, coordinating(tmp_path, tiny_plan(), broker.address):
            await makes(1, tmp_path / "swh", "swh", broker.address)
            await makes(1, tmp_path / "yor", "yor", broker.address)
            folder = DeviceFolder(tmp_path / "swh")
            held = folder.prompt()
            keep_own(folder, share=0.5)
            await asyncio.to_thread(refreshed, folder.path, broker.public_address)

        plan, identity = folder.plan(), folder.identity()
        assert identity is not None
        refitted = refit(folder, identity, plan, StubTrainer(), held)

        used = folder.personal_prompt(plan)
        assert used is not None
        assert (refitted.personal.share, used.header.own_share) == (0.5, 0.5)
        assert (held.header.version, used.header.version) == (1, 2)

    asyncio.run(asyncio.wait_for(scenario(), 60))
