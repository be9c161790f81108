"""A device that is told to end does so in order, whatever it is doing, and says so."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mfpt_coord.access.desk import Desk
from mfpt_coord.core.state import initial
from mfpt_coord.server.logins import known_accounts
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.base64url import encoded
from mfpt_shared.invitation import SECRET_BYTES, TOKEN_BYTES, InvitationLine
from mfpt_shared.keys import SigningKey, digest
from mfpt_shared.plan import Plan, PromptSpec, Task, Training
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.topics import COORDINATOR_STATUS, ENROL_UP
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.admitting import invitation
from support.backbones import save_tiny_model, tiny_spec
from support.brokers import embedded
from support.federation import tiny_plan
from support.inbox import SECONDS, Inbox
from support.programs import serve, variables

pytestmark = pytest.mark.network

SIGNALS: Final = pytest.mark.parametrize(
    ("number", "code", "message"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 0, "stopped")]
)


async def ended_while(
    home: Path, moment: Callable[[asyncio.StreamReader], Awaitable[object]], number: signal.Signals, *command: str
) -> tuple[int, list[str]]:
    """Run `join`, send it a signal at some moment, and return exit code and messages."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mfpt_edge", "join", *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=variables(home),
    )
    assert process.stderr is not None
    try:
        await asyncio.wait_for(moment(process.stderr), 2 * SECONDS)
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    return await process.wait(), errors.decode().splitlines()


def assert_told(ended: tuple[int, list[str]], code: int, message: str) -> None:
    assert ended[0] == code, ended
    assert ended[1][-1] == f"mfpt-edge: {message}; the same command continues from here", ended


@SIGNALS
def test_a_signal_ends_join_while_it_waits_for_the_plan(
    number: signal.Signals, code: int, message: str, tmp_path: Path
) -> None:
    async def connected(errors: asyncio.StreamReader) -> None:
        while b"connected to" not in await errors.readline():
            pass

    async def scenario() -> tuple[int, list[str]]:
        async with embedded(tmp_path / "broker", federation="default") as broker:
            command = ("--lang", "sw", "--broker", str(broker.public_address))
            return await ended_while(tmp_path, connected, number, *command)

    assert_told(asyncio.run(asyncio.wait_for(scenario(), 4 * SECONDS)), code, message)


@pytest.mark.slow
@SIGNALS
def test_a_signal_ends_join_while_it_connects(number: signal.Signals, code: int, message: str, tmp_path: Path) -> None:
    """Something listens at the address, and never answers."""

    async def scenario() -> tuple[int, list[str]]:
        somebody_came, connections = asyncio.Event(), list[asyncio.StreamWriter]()

        def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(writer)
            somebody_came.set()

        async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
            address = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            try:
                return await ended_while(
                    tmp_path, lambda _: somebody_came.wait(), number, "--lang", "sw", "--broker", address
                )
            finally:
                for connection in connections:
                    connection.close()

    assert_told(asyncio.run(asyncio.wait_for(scenario(), 4 * SECONDS)), code, message)


@pytest.mark.slow
@SIGNALS
def test_a_signal_ends_join_while_it_asks_to_be_admitted(
    number: signal.Signals, code: int, message: str, tmp_path: Path
) -> None:
    """The broker knows the invitation, but no coordinator is there to answer."""
    token, secret = encoded(bytes(TOKEN_BYTES)), encoded(bytes(SECRET_BYTES))
    made = invitation(id=token, secret=digest(secret))
    desk = Desk("test", known_accounts(replace(initial(tiny_plan()), invitations={token: made})))

    async def scenario() -> tuple[int, list[str]]:
        async with embedded(tmp_path / "broker", desk=desk) as broker:
            key = SigningKey.generate().public
            line = InvitationLine((broker.public_address,), "test", token, secret, key)
            moment = published(broker.address, ENROL_UP.path("test", token))
            return await ended_while(tmp_path, moment, number, str(line), "--lang", "sw")

    assert_told(asyncio.run(asyncio.wait_for(scenario(), 4 * SECONDS)), code, message)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["preparing", "training"])
@SIGNALS
def test_a_signal_ends_join_while_it_works(
    phase: str, number: signal.Signals, code: int, message: str, tmp_path: Path
) -> None:
    save_tiny_model("Bert", tmp_path / "backbone")
    plan = Plan(
        task=Task(labels=("good", "bad")),
        backbone=tiny_spec(tmp_path / "backbone"),
        prompt=PromptSpec(tokens=2),
        # A head in closed form would be there before the signal is.
        training=Training(epochs=100_000, head_start="zero"),
    )
    (tmp_path / "plan.toml").write_text(plan_to_toml(plan), encoding="utf-8")
    rows = "".join(f"meal {number} was {label},{label}\n" for number in range(20) for label in ("good", "bad"))
    (tmp_path / "data.csv").write_text(f"text,label\n{rows}", encoding="utf-8")

    async def scenario() -> tuple[int, list[str]]:
        async with serve(tmp_path, tmp_path / "data", "--plan", str(tmp_path / "plan.toml")) as serving:
            moment = published(serving.address, COORDINATOR_STATUS.path("default"), f'"phase":"{phase}"'.encode())
            options = ("--data", str(tmp_path / "data.csv"), "--allow-backbone", plan.backbone.uri)
            command = ("--lang", "sw", "--broker", str(serving.address), "--state-dir", str(tmp_path / "state"))
            return await ended_while(tmp_path, moment, number, *command, *options)

    assert_told(asyncio.run(asyncio.wait_for(scenario(), 6 * SECONDS)), code, message)
    assert DeviceFolder(tmp_path / "state").outbox().sequences() == ()


def published(
    address: BrokerAddress, topic: str, part: bytes = b""
) -> Callable[[asyncio.StreamReader], Awaitable[object]]:
    """Return what waits until something is published on a topic."""

    async def until(_errors: asyncio.StreamReader) -> None:
        transport = MqttTransport(address, "watcher")
        await transport.connect()
        transport.subscribe(topic)
        inbox = Inbox(transport)
        await inbox.until(lambda: any(part in payload for _, payload in inbox.messages), 2 * SECONDS)
        await transport.close()

    return until
