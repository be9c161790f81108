"""A closed federation, as its operator and its devices see it: invite, admit, train, revoke."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Admitted
from mfpt_shared.protocol.topics import PROMPT
from mfpt_shared.transport.base import Disconnected, SubscriptionRefused
from mfpt_shared.transport.security import Security
from support.admitting import refused_because
from support.brokers import free_port
from support.certificates import Authority
from support.federation import tiny_plan
from support.neighbour import plan_file
from support.newcomer import Newcomer
from support.operating import Operator
from support.programs import Serving, messages, run, serve

pytestmark = pytest.mark.network

PLAN: Plan = tiny_plan(buffer=100)


def with_federation(tmp_path: Path, scenario: Callable[[Operator, Serving], Awaitable[None]], *options: str) -> None:
    async def served() -> None:
        data = tmp_path / "data"
        plan = str(plan_file(tmp_path, PLAN))
        async with serve(tmp_path, data, "--closed", "--plan", plan, *options) as serving:
            await scenario(Operator(tmp_path, data), serving)

    asyncio.run(asyncio.wait_for(served(), 120))


@pytest.mark.slow
def test_a_device_is_invited_trains_and_is_revoked_while_it_is_connected(tmp_path: Path) -> None:
    async def scenario(operator: Operator, _: Serving) -> None:
        made = await operator.does("invite", "--lang", "sw", "--max-examples", "5")
        device = Newcomer(made["line"], "d1")
        answer = await device.asks(name="phone of the school")
        assert isinstance(answer, Admitted)
        assert (answer.language, answer.max_examples, answer.account) == ("swh", 5, "own")
        await device.logs_in()
        device.is_ready(PLAN.digest)
        await device.until_told(b'"assign"')
        status = (await operator.does("status"))["clients"]
        assert [client["id"] for client in status] == ["d1"]
        (seen,) = (await operator.does("devices", "list"))["devices"]
        assert (seen["name"], seen["online"], seen["language"]) == ("phone of the school", True, "swh")

        await operator.does("devices", "revoke", "d1")

        assert device.inbox is not None
        await device.inbox.until_event(Disconnected)
        await device.leaves()
        assert not await device.may_log_in()
        assert (await operator.devices())["d1"].revoked is not None

    with_federation(tmp_path, scenario)


@pytest.mark.slow  # the rules are tested without processes as well
def test_a_device_may_not_read_the_prompts_of_other_languages(tmp_path: Path) -> None:
    async def scenario(operator: Operator, _: Serving) -> None:
        made = await operator.does("invite", "--lang", "sw")
        device = Newcomer(made["line"], "d1")
        await device.is_admitted()
        await device.logs_in()
        assert device.transport is not None
        assert device.inbox is not None
        own = PROMPT.path(PLAN.federation, UNDETERMINED)
        device.transport.subscribe(own)
        await device.inbox.until(lambda: bool(device.inbox and device.inbox.payloads(own)))
        for others in (PROMPT.path(PLAN.federation, "zul"), PROMPT.path(PLAN.federation)):
            device.transport.subscribe(others)
        await device.inbox.until_event(SubscriptionRefused, 2)
        await device.leaves()

    with_federation(tmp_path, scenario)


@pytest.mark.slow
def test_a_withdrawn_invitation_admits_nobody_else_and_whom_it_admitted_stays(tmp_path: Path) -> None:
    async def scenario(operator: Operator, _: Serving) -> None:
        line = await operator.invites(uses=5)
        await Newcomer(line, "d1").is_admitted()
        (made,) = (await operator.does("invitations", "list"))["invitations"]
        assert (made["admitted"], made["uses"], made["role"]) == (1, 4, "device")

        await operator.does("invitations", "withdraw", made["id"])

        assert refused_because(await Newcomer(line, "d2").asks()) == "used"
        (withdrawn,) = (await operator.does("invitations", "list"))["invitations"]
        assert (withdrawn["admitted"], withdrawn["uses"]) == (1, 0)
        assert (await operator.devices())["d1"].revoked is None

    with_federation(tmp_path, scenario)


@pytest.mark.slow
def test_a_restarted_coordinator_still_knows_whom_it_admitted(tmp_path: Path) -> None:
    line = ""

    async def first(operator: Operator, _: Serving) -> None:
        nonlocal line
        line = await operator.invites(uses=2)
        await Newcomer(line, "d1").is_admitted()
        await operator.does("devices", "rename", "d1", "blue phone")
        stranger = Newcomer(line, "stranger")
        assert not await stranger.may_log_in()

    async def again(operator: Operator, serving: Serving) -> None:
        assert (await operator.devices())["d1"].name == "blue phone"
        later = Newcomer(line.replace(line.split("/")[2], f"{serving.address.host}:{serving.address.port}"), "d2")
        await later.is_admitted()
        assert await later.may_log_in()
        assert not await later.may_log_in(client="another"), "its id cannot be taken with another MQTT client id"
        third = Newcomer(str(later.invitation), "d3")
        assert refused_because(await third.asks()) == "used"

    with_federation(tmp_path, first)
    with_federation(tmp_path, again)


@pytest.mark.slow
@pytest.mark.parametrize("given", [False, True], ids=["of its own", "given"])
def test_a_broker_with_tls_is_named_as_such_and_believed(tmp_path: Path, given: bool) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("broker", "127.0.0.1")
    options = ("--tls-cert", str(certificate.cert), "--tls-key", str(certificate.key)) if given else ("--tls",)
    websocket = free_port()

    async def scenario(operator: Operator, _: Serving) -> None:
        device = Newcomer(await operator.invites(uses=2), "d1")
        assert [address.scheme for address in device.invitation.addresses] == ["mqtts", "wss"]
        assert device.invitation.addresses[1].port == websocket
        if given:
            device.security = Security(ca_file=authority.certificate)
        await device.is_admitted()
        assert await device.may_log_in()

    with_federation(tmp_path, scenario, *options, "--websocket", f"127.0.0.1:{websocket}")


def test_commands_of_the_operator_need_a_coordinator_that_runs(tmp_path: Path) -> None:
    result = run(tmp_path, "mfpt_coord", "invite", "--data-dir", str(tmp_path))
    assert result.returncode == 3, result.stderr
    assert "mfpt-coord serve" in messages(result)[-1]


def test_a_federation_that_others_can_reach_is_closed_unless_it_is_opened(tmp_path: Path) -> None:
    async def first_line(*options: str) -> str:
        data = tmp_path / "-".join(("data", *options))
        plan = str(plan_file(tmp_path, PLAN))
        async with serve(tmp_path, data, "--plan", plan, *options, host="0.0.0.0") as serving:
            pass
        return "".join(serving.log)

    assert "mfpt-coord invite" in asyncio.run(asyncio.wait_for(first_line(), 60))
    assert "whoever reaches the broker can take part" in asyncio.run(asyncio.wait_for(first_line("--open"), 60))
