"""Logins at the embedded broker: those that fail, those that never come, and those that are cut."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import nats
import nats.errors
import pytest

from mfpt_coord.access.desk import MOST_FAILURES, Desk
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_shared.errors import AuthenticationFailed, MfptError
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.transport.base import Connected, Disconnected
from mfpt_shared.transport.mqtt import MqttTransport
from support.adversary import ANN, EVE, EVERYBODY, connect, enter, until_heard
from support.brokers import embedded
from support.inbox import Inbox

pytestmark = pytest.mark.network
UP = CLIENT_UP.path("test", ANN.user)


def guarded(folder: Path, max_connections: int = 65_000) -> EmbeddedBroker:
    desk = Desk("test", [owner.account for owner in EVERYBODY])
    return embedded(folder, desk=desk, max_connections=max_connections)


@pytest.mark.slow
def test_wrong_passwords_are_counted_and_told_in_one_line_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> int:
        async with guarded(tmp_path) as broker:
            for number in range(3):
                with pytest.raises(AuthenticationFailed):
                    await connect(broker.public_address, ANN.user, f"guess {number}", ANN.client)
            return broker.accounts.failed_logins

    assert asyncio.run(asyncio.wait_for(scenario(), 30)) == 3
    assert len([line for line in caplog.messages if "failed logins" in line]) == 1
    assert "guess" not in caplog.text


def test_the_right_password_is_not_slowed_by_somebody_who_guesses_from_the_same_host(tmp_path: Path) -> None:
    async def guess(broker: EmbeddedBroker, number: int) -> None:
        with pytest.raises(AuthenticationFailed):
            await connect(broker.public_address, ANN.user, f"guess {number}", ANN.client)

    async def scenario() -> None:
        async with guarded(tmp_path) as broker:
            guesses = [asyncio.create_task(guess(broker, number)) for number in range(2 * MOST_FAILURES)]
            while broker.accounts.failed_logins < 2 * MOST_FAILURES:
                await asyncio.sleep(0.01)  # the count is no event
            # The last guesses wait for their answers by now, and the owner does not wait for them.
            ann, _ = await enter(broker.public_address, ANN)
            assert not all(task.done() for task in guesses)
            await asyncio.gather(*guesses)
            await ann.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_silent_connections_end_and_newcomers_get_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path, max_connections=20) as broker:
            where = broker.public_address
            silent = [await asyncio.open_connection(where.host, where.port) for _ in range(40)]
            for reader, _ in silent:
                assert await reader.read() == b""  # each one is closed by the broker
            ann, _ = await enter(where, ANN)
            await ann.close()
            for _, writer in silent:
                writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.parametrize("login", [{}, {"user": ANN.user, "password": ANN.password}, {"user": "sys", "password": ""}])
def test_the_native_port_gives_nothing_to_a_stranger_or_a_device(tmp_path: Path, login: dict[str, str]) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path):
            (ports,) = tmp_path.glob("*.ports")
            with pytest.raises((nats.errors.Error, OSError)):
                await nats.connect(json.loads(ports.read_bytes())["nats"][0], allow_reconnect=False, **login)

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.slow
def test_an_account_that_is_withdrawn_while_its_owner_logs_in_is_not_left_connected(tmp_path: Path) -> None:
    async def log_in(broker: EmbeddedBroker) -> tuple[MqttTransport, Inbox] | None:
        try:
            return await enter(broker.public_address, EVE)
        except MfptError:  # refused, or cut before the broker had answered
            return None

    async def scenario() -> None:
        async with guarded(tmp_path) as broker:
            for delay in (0, 0.001, 0.003, 0.01):
                broker.accounts.allow(EVE.account, EVE.password)
                login = asyncio.create_task(log_in(broker))
                await asyncio.sleep(delay)
                broker.accounts.withdraw(EVE.user)
                if (found := await login) is not None:
                    client, inbox = found
                    await inbox.until_event(Disconnected)
                    await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_an_account_that_is_withdrawn_while_the_server_is_busy_is_cut_once_it_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as broker:
            eve, inbox = await enter(broker.public_address, EVE)
            server = int((tmp_path / "nats.pid").read_text(encoding="ascii"))
            os.kill(server, signal.SIGSTOP)
            try:
                broker.accounts.withdraw(EVE.user)
                await asyncio.sleep(3)  # longer than the first question waits for its answer
            finally:
                os.kill(server, signal.SIGCONT)
            await inbox.until_event(Disconnected)
            await eve.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert not [line for line in caplog.messages if "may live on" in line]


@pytest.mark.slow
def test_accounts_hold_after_the_server_was_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as broker:
            ann, inbox = await enter(broker.public_address, ANN)
            broker.accounts.withdraw(EVE.user)
            os.kill(int((tmp_path / "nats.pid").read_text(encoding="ascii")), signal.SIGKILL)
            await inbox.until_event(Connected, count=2)
            with pytest.raises(AuthenticationFailed):
                await enter(broker.public_address, EVE)
            broker.accounts.withdraw(ANN.user)
            await inbox.until(lambda: any(isinstance(event, Disconnected) and event.refused for event in inbox.events))
            await ann.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_hostile_messages_do_no_harm_that_a_restart_would_show(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as broker:
            eve, _ = await enter(broker.public_address, EVE)
            for topic in ("$JS/API/STREAM/DELETE/$MQTT_msgs", "$JS/API/STREAM/DELETE/$MQTT_sess"):
                eve.publish(topic, b"")
            assert await eve.flush(10)
            await eve.close()
            ann, inbox = await enter(broker.public_address, ANN)
            os.kill(int((tmp_path / "nats.pid").read_text(encoding="ascii")), signal.SIGKILL)
            await inbox.until_event(Connected, count=2)
            coordinator = MqttTransport(broker.address, "coordinator")
            await coordinator.connect()
            received = Inbox(coordinator)
            await received.until_event(Connected)
            coordinator.subscribe(UP)
            await until_heard(ann, UP, b"update", received)
            await coordinator.close()
            await ann.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


async def cut_the_service(folder: Path) -> None:
    """Cut the connection over which the coordinator answers logins, as an operator of the server could."""
    (ports,) = folder.glob("*.ports")
    system = re.search(r'"user": "sys", "password": "([^"]+)"', (folder / "nats.conf").read_text(encoding="utf-8"))
    assert system is not None
    client = await nats.connect(json.loads(ports.read_bytes())["nats"][0], user="sys", password=system[1])
    found = json.loads((await client.request("$SYS.REQ.SERVER.PING.CONNZ", b'{"auth": true}', timeout=5)).data)
    (service,) = [one["cid"] for one in found["data"]["connections"] if one.get("authorized_user") == "auth"]
    where = f"$SYS.REQ.SERVER.{found['server']['id']}.KICK"
    await client.request(where, json.dumps({"cid": service}).encode(), timeout=5)
    await client.close()


@pytest.mark.slow
def test_logins_work_again_after_the_service_that_answers_them_was_cut(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as broker:
            await cut_the_service(tmp_path)
            async with asyncio.timeout(20):
                while True:
                    try:
                        ann, _ = await enter(broker.public_address, ANN)
                        break
                    except MfptError:
                        await asyncio.sleep(0.1)  # nothing tells a client when logins work again
            await ann.close()

    asyncio.run(asyncio.wait_for(scenario(), 40))
