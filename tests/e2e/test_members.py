"""Members of a closed federation in one event loop: devices that train, and readers that fetch what was learned."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from mfpt_edge.commands.newest import model_for
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.errors import AuthenticationFailed, InUse
from mfpt_shared.folders import owned
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.address import DEFAULT_USER
from mfpt_shared.transport.security import Security
from support.brokers import find_mosquitto, mosquitto
from support.closed import Closed, closed
from support.federation import Device, coordinating, running, tiny_plan
from support.inbox import SECONDS
from support.joining import admit, reach
from support.sealing import key_of
from support.stub import StubTrainer

pytestmark = pytest.mark.network
SWAHILI: Final = LanguageCode("swh")
DAY: Final = 86_400.0


def in_a_closed_federation(folder: Path, scenario: Callable[[Closed], Awaitable[None]]) -> None:
    async def run() -> None:
        async with closed(folder, tiny_plan()) as federation:
            await scenario(federation)

    asyncio.run(asyncio.wait_for(run(), 60))


async def member(
    federation: Closed, folder: Path, *, rounds: int | None = None, wall: Callable[[], float] = time.time
) -> Device:
    """Return a device that was invited and admitted."""
    membership = await admit(folder, reach(invitation=await federation.invite()))
    return Device(
        folder, "swh", federation.broker, StubTrainer(step=0.25), rounds=rounds, membership=membership, wall=wall
    )


async def fetched(folder: Path, broker: str | None = None, language: str = "swh") -> Model:
    """Return what `predict` would use."""
    return await asyncio.to_thread(
        model_for,
        DeviceFolder(folder),
        "test",
        LanguageCode(language),
        broker=broker,
        security=Security(),
        proxy=None,
    )


def test_a_member_takes_part_and_nothing_that_it_hears_is_ignored(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        device = await member(federation, tmp_path / "swh", rounds=3)
        async with running(device) as ended:
            await asyncio.wait_for(ended, SECONDS)
        assert device.client.snapshot.rounds == 3
        assert not device.client.ignored.counts

    in_a_closed_federation(tmp_path, scenario)


def test_a_member_that_is_revoked_while_it_is_connected_is_told_to_ask_for_a_new_invitation(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        device = await member(federation, tmp_path / "swh")
        ended = asyncio.create_task(device.run())
        await device.until(lambda shown: shown.rounds > 0)
        await federation.revoke(device.identity.client)
        with pytest.raises(AuthenticationFailed, match=r"revoked.* ask for a new invitation"):
            await asyncio.wait_for(ended, SECONDS)

    in_a_closed_federation(tmp_path, scenario)


@pytest.mark.parametrize("off", [DAY, -DAY], ids=["ahead of", "behind"])
def test_a_member_whose_clock_is_off_by_a_day_takes_part_and_is_told_once(
    off: float, tmp_path: Path, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    async def scenario(federation: Closed) -> None:
        device = await member(federation, tmp_path / "swh", rounds=2, wall=lambda: time.time() + off)
        async with running(device) as ended:
            await asyncio.wait_for(ended, SECONDS)
        assert device.client.snapshot.rounds == 2

    in_a_closed_federation(tmp_path, scenario)
    (told,) = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
    assert request.node.callspec.id in told


def test_a_reader_fetches_the_newest_prompt_of_any_language(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        device = await member(federation, tmp_path / "swh", rounds=1)
        async with running(device) as ended:
            await asyncio.wait_for(ended, SECONDS)
        line = await federation.invite(role="reader")
        membership = await admit(tmp_path / "reader", reach(invitation=line))
        assert membership is not None
        assert membership.role == "reader"
        assert (await fetched(tmp_path / "reader")).prompt.header.version == 1
        assert (await fetched(tmp_path / "reader", language="zul")).prompt.header.language == "und"

    in_a_closed_federation(tmp_path, scenario)


def test_a_device_fetches_the_brokers_prompt_if_the_broker_is_named(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        await member(federation, tmp_path / "swh")
        assert (await fetched(tmp_path / "swh", str(federation.broker))).prompt.header.version == 0

    in_a_closed_federation(tmp_path, scenario)


def test_a_device_that_takes_part_is_not_cut_off_by_a_command_beside_it(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        await member(federation, tmp_path / "swh")
        with owned(tmp_path / "swh", "--state-dir"), pytest.raises(InUse):
            await fetched(tmp_path / "swh", str(federation.broker))

    in_a_closed_federation(tmp_path, scenario)


def test_a_revoked_reader_is_refused_and_told_why(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        await admit(tmp_path / "reader", reach(invitation=await federation.invite(role="reader")))
        identity = DeviceFolder(tmp_path / "reader").identity()
        assert identity is not None
        await federation.revoke(identity.client)
        with pytest.raises(AuthenticationFailed, match="may have been revoked"):
            await fetched(tmp_path / "reader")

    in_a_closed_federation(tmp_path, scenario)


def test_whoever_was_not_invited_fetches_nothing(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        with pytest.raises(AuthenticationFailed):
            await fetched(tmp_path / "stranger", str(federation.broker))

    in_a_closed_federation(tmp_path, scenario)


@pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")
@pytest.mark.parametrize("password", ["", "in common"], ids=["the invitation's", "the common one"])
def test_a_member_of_a_broker_without_accounts_of_devices_keeps_the_login_that_let_it_in(
    password: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        (tmp_path / "coordinator.key").write_bytes(key_of("coordinator").to_pem())
        async with (
            mosquitto(tmp_path) as address,
            coordinating(tmp_path, tiny_plan(), address) as (coordinator, _),
        ):
            federation = Closed(tmp_path, coordinator, address, key_of("coordinator"))
            line = await federation.invite()
            membership = await admit(tmp_path / "swh", reach(invitation=line, password=password))
            assert membership is not None
            login = (DEFAULT_USER, password) if password else (line.user, line.secret)
            assert (membership.user, membership.password) == login
            device = Device(tmp_path / "swh", "swh", address, StubTrainer(step=0.25), rounds=1, membership=membership)
            async with running(device) as ended:
                await asyncio.wait_for(ended, SECONDS)

    asyncio.run(asyncio.wait_for(scenario(), 60))
