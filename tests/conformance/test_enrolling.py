"""The second client enrols: over TLS under the pinned key, and at a broker that knows each account.

The desk that answers it is the test's own, built on the project's codec.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from conformance.v2.folder import Folder
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import encode, understand
from mfpt_shared.protocol.messages import Admitted, Enrol, EnrolAnswer, Refused
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import ENROL_DOWN, ENROL_UP
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.security import Security
from support.certificates import signed_by
from support.inbox import Inbox
from support.nats import Nats, Running, nats
from support.second_client import SECRET, TOKEN, invitation, second_client

pytestmark = pytest.mark.network
COORDINATOR = SigningKey.generate()
OPERATOR = ("coordinator", "of-the-test")


def users(folder: Folder) -> str:
    """Return nats-server's list of who may do what: the coordinator, the invitation, and the account to come."""
    device = f"mfpt.v1.test.client.{folder.id}"
    rights = {
        OPERATOR: ([">"], [">"]),
        (f"invite-{TOKEN}", SECRET): ([f"mfpt.v1.test.enrol.{TOKEN}.up"], [f"mfpt.v1.test.enrol.{TOKEN}.down"]),
        (folder.id, folder.password): (
            [f"{device}.up", f"{device}.state"],
            ["mfpt.v1.test.plan", "mfpt.v1.test.prompt.*", "mfpt.v1.test.coord.*", f"{device}.down"],
        ),
    }
    entries = [
        {"user": user, "password": password, "permissions": {"publish": publish, "subscribe": subscribe}}
        for (user, password), (publish, subscribe) in rights.items()
    ]
    return f"authorization {{ users: {json.dumps(entries)} }}"


@contextlib.asynccontextmanager
async def desk(server: Running, answers: Callable[[Enrol], list[EnrolAnswer]]) -> AsyncIterator[list[Enrol]]:
    """Answer enrolments in the coordinator's name, and yield those that came."""
    user, password = OPERATOR
    address = BrokerAddress(server.tcp.host, server.tcp.port, server.tcp.scheme, user, password)
    transport = Connection((address,), Security(pinned=COORDINATOR.public)).transport("desk")
    await transport.connect()
    transport.subscribe(ENROL_UP.path("test"))
    inbox, down = Inbox(transport), ENROL_DOWN.path("test", TOKEN)
    came: list[Enrol] = []

    async def serve() -> None:
        while True:
            await inbox.until(lambda: len(inbox.messages) > len(came), seconds=60)
            received = understand(*inbox.messages[len(came)], "test")
            assert received is not None and isinstance(received.message, Enrol)
            came.append(received.message)
            for answer in answers(received.message):
                transport.publish(down, seal(down, encode(answer), COORDINATOR))

    serving = asyncio.create_task(serve())
    try:
        yield came
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        await transport.close()


def admitted(asked: Enrol) -> list[EnrolAnswer]:
    """Return the answer to another holder of the same invitation, and then the one to this device."""
    somebody_else = Refused(epoch=1, nonce="another", reason="used", detail="not for you")
    return [somebody_else, Admitted(epoch=1, nonce=asked.nonce, role="device", language=asked.language)]


def test_it_is_admitted_over_tls_if_the_invitations_key_signed_the_certificate(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = Folder(tmp_path / "swh")
        settings = Nats(certificate=signed_by(COORDINATOR.private, tmp_path, "broker"), users=users(folder))
        async with (
            nats(tmp_path, settings) as server,
            desk(server, admitted) as came,
            second_client(
                tmp_path / "libraries", invitation(server.tcp, COORDINATOR), "swh", tmp_path / "swh", rounds=1
            ) as client,
        ):
            assert (await client.until("admitted"))["id"] == folder.id
        [asked] = came
        assert (asked.user, asked.client, asked.language) == (folder.id, folder.mqtt_client, "swh")

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_it_leaves_a_broker_whose_certificate_somebody_else_signed(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = Nats(certificate=signed_by(SigningKey.generate().private, tmp_path, "broker"))
        async with (
            nats(tmp_path, settings) as server,
            second_client(
                tmp_path / "libraries", invitation(server.tcp, COORDINATOR), "swh", tmp_path / "swh", rounds=1
            ) as client,
        ):
            assert "not signed with the coordinator's key" in (await client.until("failed"))["why"]
            assert await client.process.wait() == 5

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_it_tells_why_it_was_refused(tmp_path: Path) -> None:
    def refused(asked: Enrol) -> list[EnrolAnswer]:
        return [Refused(epoch=1, nonce=asked.nonce, reason="expired", detail="ask for a new invitation")]

    async def scenario() -> None:
        folder = Folder(tmp_path / "swh")
        async with (
            nats(tmp_path, Nats(users=users(folder))) as server,
            desk(server, refused),
            second_client(
                tmp_path / "libraries", invitation(server.tcp, COORDINATOR), "swh", tmp_path / "swh", rounds=1
            ) as client,
        ):
            assert (await client.until("failed"))["why"] == "not admitted (expired): ask for a new invitation"
            assert await client.process.wait() == 5

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_secret_that_is_wrong_ends_it_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats(users=users(Folder(tmp_path / "another")))) as server:
            line = invitation(server.tcp, COORDINATOR).replace(SECRET, SECRET[::-1])
            async with second_client(tmp_path / "libraries", line, "swh", tmp_path / "swh", rounds=1) as client:
                assert "refused the login" in (await client.until("failed"))["why"]
                assert await client.process.wait() == 5

    asyncio.run(asyncio.wait_for(scenario(), 60))
