"""Where something is missing at a real broker, a device says within seconds what it is."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Update, UpdateHeader
from mfpt_shared.protocol.topics import ROOT
from mfpt_shared.transport.address import BrokerAddress
from support.brokers import find_mosquitto, mosquitto
from support.federation import Device, coordinating, running, tiny_plan
from support.nats import Nats, nats
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network
needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")

SECONDS: Final = 40.0
LIMIT: Final = 16_000
"""Bytes: more than any message of a tiny federation has, and less than the update that is too long."""


def within(scenario: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 2 * SECONDS))


def device(folder: Path, address: BrokerAddress, federation: str = "test") -> Device:
    return Device(folder / "device", "swh", address, StubTrainer(), federation=federation)


async def until_it_says(one: Device, text: str) -> None:
    await one.until(lambda seen: text in f"{seen.waits_for}; {seen.advice}", SECONDS)


@needs_mosquitto
def test_a_mistyped_federation_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mosquitto(tmp_path) as broker, coordinating(tmp_path / "data", tiny_plan(), broker):
            mistyped = device(tmp_path, broker, "tset")
            async with running(mistyped):
                await until_it_says(mistyped, "nothing is heard of federation tset")
                assert "is that the name (--federation)" in mistyped.client.snapshot.advice

    within(scenario())


@needs_mosquitto
def test_a_plan_that_the_broker_withholds_without_a_word_is_asked_for_by_its_topic(tmp_path: Path) -> None:
    """Mosquitto grants a subscription that its rights forbid, and delivers nothing."""

    async def scenario() -> None:
        rights = tmp_path / "acl"
        rights.write_text(f"topic readwrite {ROOT}/test/client/#\ntopic read {ROOT}/test/coord/#\n", encoding="utf-8")
        async with mosquitto(tmp_path, f"acl_file {rights}") as broker:
            kept_out = device(tmp_path, broker)
            async with running(kept_out):
                await until_it_says(kept_out, "may this device read mfpt/v1/test/plan?")

    within(scenario())


def rights_of(client: str, *, publish: str, subscribe: str) -> Nats:
    """Return a broker with users: the coordinator, and a device with these rights below the federation's topics."""
    everything = '"mfpt.v1.test", "mfpt.v1.test.>"'
    device_may = ", ".join(
        f'{what}: {{ allow: ["mfpt.v1.test.{topic}"] }}'
        for what, topic in (("publish", publish), ("subscribe", subscribe))
    )
    return Nats(
        users=f"""authorization {{ users = [
        {{ user: "coord", password: "c", permissions: {{ publish: [{everything}], subscribe: [{everything}] }} }}
        {{ user: "{client}", password: "", permissions: {{ {device_may} }} }}
    ] }}"""
    )


def test_a_subscription_that_the_broker_refuses_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = DeviceFolder(tmp_path / "device").enrol(LanguageCode("swh")).client
        async with nats(tmp_path, rights_of(client, publish=">", subscribe="client.>")) as broker:
            kept_out = device(tmp_path, broker.tcp)
            async with running(kept_out):
                await until_it_says(kept_out, "to let this device read mfpt/v1/test/plan, mfpt/v1/test/coord/state")

    within(scenario())


@pytest.mark.slow
def test_a_device_whose_messages_the_broker_drops_is_told_which_right_it_may_lack(tmp_path: Path) -> None:
    """A broker confirms a message that it forbids, and drops it."""

    async def scenario() -> None:
        client = DeviceFolder(tmp_path / "device").enrol(LanguageCode("swh")).client
        async with nats(tmp_path, rights_of(client, publish="nothing", subscribe=">")) as broker:
            coordinator = replace(broker.tcp, username="coord", password="c")
            async with coordinating(tmp_path / "data", tiny_plan(), coordinator):
                unheard = device(tmp_path, broker.tcp)
                async with running(unheard):
                    await until_it_says(unheard, f"may this device publish on mfpt/v1/test/client/{client}/up?")

    within(scenario())


@pytest.mark.slow
@needs_mosquitto
@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ("max_packet_size", "every connection to the broker has ended after a moment"),
        ("message_size_limit", "1 update waits since"),
    ],
)
def test_an_update_that_is_too_long_for_the_broker_is_named_with_its_length(
    tmp_path: Path, limit: str, text: str
) -> None:
    """Mosquitto cuts the connection at one limit; at the other it confirms the message, and drops it."""

    async def scenario() -> None:
        plan = tiny_plan()
        folder = DeviceFolder(tmp_path / "device")
        header = UpdateHeader(sequence=1, language="swh", base_version=0, examples=9, plan=plan.digest, backbone="")
        too_long = encode(Update(header, {"prompt": np.ones((1, 2 * LIMIT // 4), np.float32)}))
        folder.outbox().put(1, too_long)
        async with (
            mosquitto(tmp_path, f"{limit} {LIMIT}") as broker,
            coordinating(tmp_path / "data", plan, broker),
        ):
            cut = device(tmp_path, broker)
            async with running(cut):
                await until_it_says(cut, text)
                assert f"messages of {len(too_long) + 96:,} bytes" in cut.client.snapshot.advice

    within(scenario())


@pytest.mark.slow
@needs_mosquitto
def test_a_device_that_joins_after_the_end_leaves_with_the_last_prompt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mosquitto(tmp_path) as broker:
            async with coordinating(tmp_path / "data", tiny_plan(), broker, folds=1) as (_, coordinator):
                first = Device(tmp_path / "first", "swh", broker, StubTrainer(), rounds=1)
                async with running(first) as ended:
                    await ended
                await coordinator
            late = device(tmp_path, broker)
            async with running(late) as ended:
                await until_it_says(late, "the federation has ended with version 1")
                await ended
            assert late.client.snapshot.version == 1

    within(scenario())


@pytest.mark.slow
@needs_mosquitto
def test_a_device_that_has_sent_its_update_waits_for_the_language_that_still_trains(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan, gate = tiny_plan(buffer=2), Gate()
        async with mosquitto(tmp_path) as broker, coordinating(tmp_path / "data", plan, broker):
            fast = device(tmp_path, broker)
            slow = Device(tmp_path / "slow", "zul", broker, StubTrainer(gate=gate))
            async with running(fast, slow):
                try:
                    await until_it_says(fast, "for zul (50 %) before version 1; 1 of 2 updates is there")
                finally:
                    gate.open.set()

    within(scenario())
