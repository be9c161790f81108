"""Who can reach a federation decides whether it is open, whether it serves TLS, and what invitations name."""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mfpt_coord.access.accounts import Account
from mfpt_coord.access.mosquitto import MosquittoFiles
from mfpt_coord.core.state import State, initial
from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.channel import CoordinatorIdentity
from mfpt_coord.server.config import Offer, ServeConfig
from mfpt_coord.server.reach import Reach, is_open, reach
from mfpt_shared.keys import digest
from mfpt_shared.transport.connection import parse_connection
from support.admitting import enrolled
from support.federation import tiny_plan
from support.sealing import key_of

HERE, EVERYWHERE, PUBLIC = Listen("127.0.0.1", 0), Listen("0.0.0.0", 0), Listen("mqtt.example.org", 8883)
STATE = initial(tiny_plan())


def config(folder: Path, listen: Listen = HERE, **changes: Any) -> ServeConfig:
    return replace(ServeConfig(folder, None, None, listen, None), **changes)


def reached(asked: ServeConfig, state: State = STATE) -> Reach:
    """Start what is needed, say how it is reached, and end it."""

    async def scenario() -> Reach:
        async with AsyncExitStack() as stack:
            identity = CoordinatorIdentity("c0", started=5.0, epoch=3, key=key_of("coordinator"))
            return await reach(asked, replace(state, open=is_open(asked)), identity, stack)

    return asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize(
    "changes",
    [
        {"listen": EVERYWHERE},
        {"offer": Offer(websocket=Listen("0.0.0.0", 443))},
        {"advertised": (PUBLIC,)},
        {"broker": parse_connection("mqtt://mqtt.example.org", os.environ)},
        {"broker": parse_connection("mqtt://localhost", os.environ), "mosquitto": Path("accounts")},
    ],
    ids=["it listens", "by WebSockets", "through a tunnel", "another broker", "accounts are kept"],
)
def test_a_federation_that_others_may_reach_in_any_way_is_closed(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert is_open(config(tmp_path))
    assert not is_open(config(tmp_path, **changes))
    assert is_open(config(tmp_path, **changes, is_open=True))


@pytest.mark.network
def test_where_others_come_through_a_tunnel_passwords_travel_under_tls(tmp_path: Path) -> None:
    (address,) = reached(config(tmp_path, advertised=(PUBLIC,))).addresses
    assert (address.scheme, address.host, address.port) == ("mqtts", "mqtt.example.org", 8883)


@pytest.mark.network
def test_an_invitation_names_the_websocket_at_the_advertised_host_too(tmp_path: Path) -> None:
    found = reached(config(tmp_path, advertised=(PUBLIC,), offer=Offer(websocket=HERE)))
    assert [(address.scheme, address.host) for address in found.addresses] == [
        ("mqtts", "mqtt.example.org"),
        ("wss", "mqtt.example.org"),
    ]


def test_an_account_whose_removal_a_crash_prevented_is_removed_at_the_next_start(tmp_path: Path) -> None:
    files = MosquittoFiles(tmp_path, "test")
    for user in ("d1", "d2"):
        files.allow(Account(user, "device", digest("secret")), "secret")
    enrolments = {"d1": enrolled("d1", revoked=9.0), "d2": enrolled("d2")}
    broker = parse_connection("mqtt://localhost", os.environ)

    reached(config(tmp_path, broker=broker, mosquitto=tmp_path), replace(STATE, enrolments=enrolments))

    left = (tmp_path / "passwords").read_text(encoding="utf-8")
    assert [line.partition(":")[0] for line in left.splitlines()] == ["d2"]
