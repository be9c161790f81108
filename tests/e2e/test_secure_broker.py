"""The command lines and a broker behind TLS: one line that says what is wrong, and the right exit code."""

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from support.certificates import LOOPBACK, Authority
from support.connect_proxy import ConnectProxy
from support.inbox import SECONDS
from support.nats import Nats, nats
from support.programs import run, serve

pytestmark = pytest.mark.network
USERS: Final = 'authorization { users = [ { user: "ann", password: "word", permissions: { subscribe: ["other"] } } ] }'


def test_an_unknown_ca_ends_a_command_at_once_with_exit_code_5_and_one_line(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")

    async def scenario() -> list[subprocess.CompletedProcess[str]]:
        async with nats(tmp_path, Nats(authority.issue("broker", LOOPBACK))) as server:
            where = ("--broker", str(server.web), "--ca-file", str(other.certificate))
            return [
                await asyncio.to_thread(run, tmp_path, "mfpt_coord", "status", *where),
                await asyncio.to_thread(run, tmp_path, "mfpt_edge", "predict", "--lang", "sw", *where, "text"),
            ]

    for result in asyncio.run(asyncio.wait_for(scenario(), 60)):
        assert result.returncode == 5, result.stderr
        assert "unknown CA" in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_command_finds_its_broker_through_a_proxy(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> tuple[subprocess.CompletedProcess[str], BrokerAddress, list[str]]:
        async with nats(tmp_path, Nats(authority.issue("broker", LOOPBACK))) as server, ConnectProxy() as proxy:
            where = ("--broker", str(server.tcp), "--ca-file", str(authority.certificate), "--proxy", str(proxy.place))
            result = await asyncio.to_thread(run, tmp_path, "mfpt_coord", "status", "--timeout", "0.1", *where)
            return result, server.tcp, proxy.requests

    result, address, requests = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert result.returncode == 4, result.stderr  # the broker was reached, and knows no federation
    assert f"{address} knows no federation" in result.stderr
    assert [request.split()[1] for request in requests] == [f"{address.host}:{address.port}"]


def test_whoever_may_not_read_the_status_is_told_instead_of_waiting(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with nats(tmp_path, Nats(users=USERS)) as server:
            where = ("--broker", str(replace(server.tcp, username="ann")), "--timeout", "30")
            return await asyncio.to_thread(
                run, tmp_path, "mfpt_coord", "status", *where, extra={PASSWORD_VARIABLE: "word"}
            )

    result = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert result.returncode == 5, result.stderr
    assert "does not let this user read mfpt/v1/default/coord" in result.stderr


@pytest.mark.slow
def test_a_coordinator_that_may_not_hear_its_devices_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats(users=USERS)) as server:
            broker = ("--broker", str(replace(server.tcp, username="ann")))
            async with (
                serve(tmp_path, tmp_path / "data", *broker, extra={PASSWORD_VARIABLE: "word"}) as serving,
                asyncio.timeout(SECONDS),
            ):
                while not any("no device is heard there" in line for line in serving.log):
                    await asyncio.sleep(0.02)  # nothing tells when a process has written a line

    asyncio.run(asyncio.wait_for(scenario(), 60))
