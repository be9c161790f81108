"""What the operator sees of a coordinator that runs, and orders that come too late."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from mfpt_coord.access.desk import Desk
from mfpt_coord.core.events import DeviceRenamed
from mfpt_coord.server.operator import Operator, new_token
from mfpt_coord.server.orders import ApplyPlan, Invitations, Invite, ListInvitations, PlanChange
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import AuthenticationFailed, Incompatible, MfptError
from mfpt_shared.invitation import TOKEN_BYTES
from mfpt_shared.protocol.messages import FederationStatus
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.federation import coordinating, tiny_plan
from support.sealing import key_of

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


def test_people_are_told_times_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    """The coordinator's own clock goes on from where the wall clock was when it started."""

    async def scenario() -> tuple[float, float]:
        async with embedded(tmp_path / "broker") as broker:
            plan, wall = tiny_plan(), time.time
            running = coordinating(tmp_path / "data", plan, broker.address, clock=lambda: wall() - 3600.0)
            async with running as (coordinator, _):
                operator = Operator(coordinator, key_of("coordinator").public, (broker.public_address,))
                await operator.obey(Invite(seconds=60.0))
                listed = await operator.obey(ListInvitations())
                assert isinstance(listed, Invitations)
                (made,) = listed.invitations
                assert made.expires is not None
                return made.created - wall(), made.expires - wall()

    created, expires = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert -30 < created <= 0
    assert 30 < expires <= 60


def test_an_invitation_s_id_does_not_begin_like_an_option() -> None:
    drawn = iter([b"\xf8" * TOKEN_BYTES, b"\xfb" * TOKEN_BYTES, b"a" * TOKEN_BYTES])
    assert encoded(b"\xf8" * TOKEN_BYTES).startswith("-")
    assert new_token(lambda _: next(drawn)) == encoded(b"a" * TOKEN_BYTES)


def test_the_operator_is_told_what_a_plan_would_change_before_it_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker:
            plan = tiny_plan(buffer=1)
            new = msgspec.structs.replace(plan, training=msgspec.structs.replace(plan.training, batch_size=4))
            async with coordinating(tmp_path / "data", plan, broker.address) as (coordinator, _):
                operator = Operator(coordinator, key_of("coordinator").public, (broker.public_address,))
                said = await operator.obey(ApplyPlan(plan=new, only_say=True))
                assert isinstance(said, PlanChange)
                assert (said.before, said.after) == (plan.digest, new.digest)
                assert said.changes == ["training.batch_size: 16 -> 4"]
                assert coordinator.state.plan.digest == plan.digest
                assert await operator.obey(ApplyPlan(plan=new)) == said
                assert coordinator.state.plan.digest == new.digest

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_plan_that_makes_another_federation_is_refused_by_its_keys(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path / "broker") as broker:
            plan = tiny_plan()
            other = msgspec.structs.replace(plan, prompt=msgspec.structs.replace(plan.prompt, tokens=5))
            async with coordinating(tmp_path / "data", plan, broker.address) as (coordinator, _):
                operator = Operator(coordinator, key_of("coordinator").public, (broker.public_address,))
                with pytest.raises(Incompatible, match=r"prompt\.tokens"):
                    await operator.obey(ApplyPlan(plan=other))
                assert coordinator.state.plan.digest == plan.digest

    asyncio.run(asyncio.wait_for(scenario(), 60))
