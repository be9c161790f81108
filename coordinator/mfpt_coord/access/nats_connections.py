"""The connections at a nats-server: which there are, and how they are cut.

Source: NATS documentation, "System events": requests to `$SYS.REQ.SERVER.<id>`; measured on nats-server 2.15.
"""

import json
import logging
from collections.abc import Iterable
from typing import Final

import msgspec
import nats.errors
from nats.aio.client import Client

from mfpt_coord.access.accounts import COORDINATOR_USER
from mfpt_coord.access.connections import Place

_LIST_SECONDS: Final = 5.0
_CUT_SECONDS: Final = 2.0
_TRIES: Final = 5
_PAGE: Final = 1000
"""Connections that the server lists in one answer."""

_log = logging.getLogger(__name__)


class _Connection(msgspec.Struct, frozen=True):
    cid: int
    type: str = ""
    user: str = msgspec.field(default="", name="authorized_user")
    client: str = msgspec.field(default="", name="mqtt_client")


class _Page(msgspec.Struct, frozen=True):
    server_id: str
    connections: list[_Connection] = []


class _Answer(msgspec.Struct, frozen=True):
    data: _Page


async def logins(system: Client) -> list[tuple[str, Place]]:
    """Return the MQTT connections that have said who they are, with the users they named, but for the coordinator's.

    Whether they were let in is not told.

    Args:
        system: Connection of a user of the system account.

    Raises:
        nats.errors.Error: The server does not answer.
    """
    found: list[tuple[str, Place]] = []
    offset = 0
    while True:
        # In the order of their numbers, so that those that come meanwhile are at the end.
        asked = json.dumps({"auth": True, "sort": "cid", "offset": offset, "limit": _PAGE}).encode()
        answer = await system.request("$SYS.REQ.SERVER.PING.CONNZ", asked, timeout=_LIST_SECONDS)
        page = msgspec.json.decode(answer.data, type=_Answer).data
        found += [
            (one.user, Place(page.server_id, one.cid))
            for one in page.connections
            if one.type == "mqtt" and one.client and one.user != COORDINATOR_USER
        ]
        if len(page.connections) < _PAGE:
            return found
        offset += _PAGE


async def cut(system: Client, places: Iterable[Place]) -> None:
    """Cut connections. One that has ended is as good as cut.

    Args:
        system: Connection of a user of the system account.
        places: Connections.
    """
    for place in places:
        if (problem := await _problem_cutting(system, place)) is not None:
            _log.warning("a connection that is not wanted may live on until the broker restarts: %r", problem)


async def _problem_cutting(system: Client, place: Place) -> Exception | None:
    request = json.dumps({"cid": place.number}).encode()
    problem: Exception | None = None
    for _ in range(_TRIES):
        try:
            await system.request(f"$SYS.REQ.SERVER.{place.server}.KICK", request, timeout=_CUT_SECONDS)
        except (nats.errors.NoRespondersError, nats.errors.ConnectionClosedError):
            return None  # the server has ended, and with it all its connections; the next one asks about everybody
        except nats.errors.Error as error:
            problem = error
        else:
            return None
    return problem
