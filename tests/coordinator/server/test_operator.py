"""What the operator sees of a coordinator that runs, and orders that come too late."""

import asyncio
from pathlib import Path

import pytest

from mfpt_coord.access.desk import Desk
from mfpt_coord.core.events import DeviceRenamed
from mfpt_shared.errors import AuthenticationFailed, MfptError
from mfpt_shared.protocol.messages import FederationStatus
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.federation import coordinating, tiny_plan

pytestmark = pytest.mark.network


def test_an_order_that_comes_too_late_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker:
            async with coordinating(tmp_path / "data", tiny_plan(), broker.address) as (coordinator, _):
                pass
            with pytest.raises(MfptError, match="about to end"):
                await asyncio.wait_for(coordinator.apply(DeviceRenamed(9.0, "d1", "phone")), 5)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_failed_logins_are_in_the_status(tmp_path: Path) -> None:
    async def scenario() -> FederationStatus:
        async with embedded(tmp_path / "broker", desk=Desk("test")) as broker:
            running = coordinating(tmp_path / "data", tiny_plan(), broker.address, credentials=broker.accounts)
            async with running as (coordinator, _):
                with pytest.raises(AuthenticationFailed):
                    await MqttTransport(broker.public_address, "nobody").connect()
                return coordinator.status()

    status = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert status.failed_logins == 1
