"""What a peer or a stranger can do at a broker with accounts: on the embedded one, and on Mosquitto."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mfpt_shared.errors import AuthenticationFailed, MfptError
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    ENROL_UP,
    PLAN,
)
from mfpt_shared.transport.base import Disconnected
from mfpt_shared.transport.mqtt import MqttTransport
from support.accounts import Guarded, guarded
from support.adversary import ANN, EVE, GUEST, MONITOR, Owner, connect, enter, until_heard
from support.brokers import find_mosquitto
from support.inbox import Inbox

pytestmark = [pytest.mark.network, pytest.mark.slow]
FEDERATION = "test"
UP = CLIENT_UP.path(FEDERATION, ANN.user)
Play = Callable[[Callable[[Guarded], Awaitable[None]]], None]

HOSTILE = (
    "$JS/API/STREAM/DELETE/$MQTT_msgs",
    "$JS/API/STREAM/PURGE/$MQTT_rmsgs",
    "$SYS/REQ/SERVER/PING",
    "$SYS/REQ/USER/AUTH",
    "$MQTT/sub/x",
    CLIENT_UP.path(FEDERATION, ANN.user),
    CLIENT_STATE.path(FEDERATION, ANN.user),
    CLIENT_DOWN.path(FEDERATION, ANN.user),
    PLAN.path(FEDERATION),
    COORDINATOR_STATE.path(FEDERATION),
    COORDINATOR_STATUS.path(FEDERATION),
    ENROL_UP.path(FEDERATION, "token"),
)


@pytest.fixture(params=["embedded", "mosquitto"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """A function that runs a scenario on a fresh broker of each kind."""
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")

    def run(scenario: Callable[[Guarded], Awaitable[None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60), guarded(request.param, tmp_path, FEDERATION) as broker:
                await scenario(broker)

        asyncio.run(bounded())

    return run


async def it_works(ann: MqttTransport, received: Inbox, text: bytes) -> None:
    """Check that a device's message still arrives at the coordinator; what came before it has come by then."""
    await until_heard(ann, UP, text, received)


def test_a_peer_reads_nobody_s_update(play: Play) -> None:
    async def scenario(broker: Guarded) -> None:
        coordinator, received = await broker.coordinator()
        coordinator.subscribe(CLIENT_UP.path(FEDERATION))
        eve, overheard = await enter(broker.address, EVE)
        for topic_filter in (UP, CLIENT_UP.path(FEDERATION), f"mfpt/v1/{FEDERATION}/#", "#", "$share/x/#"):
            eve.subscribe(topic_filter)
        ann, _ = await enter(broker.address, ANN)
        await it_works(ann, received, b"update")
        own = CLIENT_DOWN.path(FEDERATION, EVE.user)
        eve.subscribe(own)
        await until_heard(coordinator, own, b"for eve", overheard)

        assert [payload for _, payload in overheard.messages if payload == b"update"] == []
        for client in (coordinator, eve, ann):
            await client.close()

    play(scenario)


@pytest.mark.parametrize("owner", [EVE, MONITOR, GUEST], ids=lambda owner: owner.role)
def test_forbidden_messages_change_nothing_and_messages_go_on(play: Play, owner: Owner) -> None:
    async def scenario(broker: Guarded) -> None:
        coordinator, received = await broker.coordinator()
        coordinator.subscribe(f"mfpt/v1/{FEDERATION}/#")
        ann, _ = await enter(broker.address, ANN)
        await it_works(ann, received, b"before")
        hostile, _ = await enter(broker.address, owner)
        forbidden = [topic for topic in HOSTILE if owner is not GUEST or "enrol" not in topic]
        for topic in forbidden:
            hostile.publish(topic, b"forged")
            hostile.publish(topic, b"forged", retain=True)
        await hostile.flush(10)
        await it_works(ann, received, b"after")

        assert [topic for topic, payload in received.messages if payload == b"forged"] == []
        for client in (coordinator, hostile, ann):
            await client.close()
        late, inbox = await broker.coordinator()
        late.subscribe(f"mfpt/v1/{FEDERATION}/#")
        ann, _ = await enter(broker.address, ANN)
        await it_works(ann, inbox, b"late")
        assert [topic for topic, payload in inbox.messages if payload == b"forged"] == []
        await late.close()
        await ann.close()

    play(scenario)


def test_nobody_takes_a_device_s_name_or_client_id_and_it_stays_connected(play: Play) -> None:
    async def scenario(broker: Guarded) -> None:
        ann, inbox = await enter(broker.address, ANN)
        own = CLIENT_DOWN.path(FEDERATION, ANN.user)
        ann.subscribe(own)
        with pytest.raises(AuthenticationFailed):
            await connect(broker.address, ANN.user, "guessed", ANN.client)
        with pytest.raises(AuthenticationFailed):
            await connect(broker.address, ANN.user, EVE.password, ANN.client)
        for thief in (EVE, GUEST):
            await broker.try_client_id(thief, ANN.client)
        coordinator, _ = await broker.coordinator()
        coordinator.publish(own, b"still here")
        await inbox.until_message(own, b"still here")

        assert not any(isinstance(event, Disconnected) for event in inbox.events)
        await coordinator.close()
        await ann.close()

    play(scenario)


def test_nobody_takes_the_coordinator_s_name_or_client_id_and_it_stays_connected(play: Play) -> None:
    async def scenario(broker: Guarded) -> None:
        coordinator, inbox = await broker.coordinator()
        coordinator.subscribe(CLIENT_UP.path(FEDERATION))
        for password in ("", "guessed", EVE.password):
            with pytest.raises(AuthenticationFailed):
                await connect(broker.address, "coord", password, broker.coordinator_client)
        for thief in (EVE, GUEST):
            await broker.try_client_id(thief, broker.coordinator_client)
        ann, _ = await enter(broker.address, ANN)
        await it_works(ann, inbox, b"update")

        assert not any(isinstance(event, Disconnected) for event in inbox.events)
        await coordinator.close()
        await ann.close()

    play(scenario)


def test_a_withdrawn_account_is_cut_and_cannot_come_back(play: Play) -> None:
    async def scenario(broker: Guarded) -> None:
        eve, inbox = await enter(broker.address, EVE)
        broker.accounts.withdraw(EVE.user)
        await inbox.until(lambda: any(isinstance(event, Disconnected) and event.refused for event in inbox.events))
        with pytest.raises(AuthenticationFailed):
            await enter(broker.address, EVE)
        ann, _ = await enter(broker.address, ANN)
        await ann.close()
        await eve.close()

    play(scenario)


def test_an_account_that_was_allowed_while_the_broker_runs_can_log_in(play: Play) -> None:
    async def scenario(broker: Guarded) -> None:
        late = replace(ANN, user="late")
        with pytest.raises(AuthenticationFailed):
            await enter(broker.address, late)
        broker.accounts.allow(late.account, late.password)
        async with asyncio.timeout(10):
            while True:
                try:
                    client, _ = await enter(broker.address, late)
                    break
                except MfptError:
                    await asyncio.sleep(0.05)  # Mosquitto reads its files when it gets to it
        await client.close()

    play(scenario)


def test_nobody_logs_in_without_a_name(play: Play) -> None:
    async def scenario(broker: Guarded) -> None:
        for address in (broker.address, replace(broker.address, username="mfpt", password="x")):
            client = MqttTransport(address, "anybody")
            with pytest.raises(AuthenticationFailed):
                await client.connect()
            await client.close()

    play(scenario)
