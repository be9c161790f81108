"""A client that knows the document alone takes part beside a device of the project: real broker, real coordinator."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.v2.folder import Folder
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Update, UpdateHeader
from mfpt_shared.tensors import initial_state
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.federation import Device, coordinating, delta_of, rows, running, stored_prompts, tiny_plan
from support.inbox import SECONDS, Inbox
from support.second_client import isolated, second_client
from support.stub import StubTrainer

pytestmark = pytest.mark.network


def keep_update(folder: Path, sequence: int, plan: Plan, *, base_version: int = 0, digest: str | None = None) -> None:
    """Leave an update in a client's folder as if an earlier run had not been answered."""
    client = Folder(folder)
    while client.next_sequence() < sequence:
        pass
    header = UpdateHeader(
        sequence=sequence,
        language="swh",
        base_version=base_version,
        examples=20,
        plan=plan.digest if digest is None else digest,
        backbone="",
    )
    client.keep(sequence, encode(Update(header, initial_state(plan))))


@contextlib.asynccontextmanager
async def watching(address: BrokerAddress, topic_filter: str) -> AsyncIterator[Inbox]:
    """Collect what is published on a topic."""
    watcher = MqttTransport(address, "watcher-of-states")
    await watcher.connect()
    watcher.subscribe(topic_filter)
    try:
        yield Inbox(watcher)
    finally:
        await watcher.close()


def saved_prompt(folder: Path) -> tuple[int, dict[str, Any]]:
    saved = json.loads((folder / "prompt.json").read_text())
    return saved["version"], saved["values"]


def test_it_takes_part_beside_a_device_of_the_project(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=2)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, _),
        ):
            device = Device(tmp_path / "yor", "yor", broker.address, StubTrainer(step=0.25))
            async with (
                running(device),
                second_client(tmp_path / "libraries", broker.address, "swh", tmp_path / "swh", rounds=2) as client,
            ):
                await client.until_it_leaves()
                await device.until(lambda seen: seen.rounds >= 1)
            assert set(coordinator.state.prompts) == {"swh", "yor", "und"}
        client_id = Folder(tmp_path / "swh").id
        accepted = rows(tmp_path, f"SELECT sequence, base_version, examples FROM updates WHERE client = '{client_id}'")
        assert [(sequence, examples) for sequence, _, examples in accepted] == [(1, 20), (2, 20)]
        version, _ = saved_prompt(tmp_path / "swh")
        assert version > max(base for _, base, _ in accepted)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_the_version_that_it_receives_is_the_one_in_the_store(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address),
            second_client(tmp_path / "libraries", broker.address, "swh", tmp_path / "swh", rounds=2) as client,
        ):
            await client.until_it_leaves()
        version, received = saved_prompt(tmp_path / "swh")
        assert version == 2
        stored, start = stored_prompts(tmp_path, plan, version)["swh"], initial_state(plan)
        assert received.keys() == stored.keys()
        for name, values in received.items():
            np.testing.assert_array_equal(np.array(values, np.float16), stored[name].ravel().astype(np.float16))
            np.testing.assert_allclose(values, start[name].ravel() + 0.02, atol=1e-3, err_msg="two rounds of 0.01")

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_its_update_means_to_the_coordinator_what_it_meant_to_the_client(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address),
            second_client(tmp_path / "libraries", broker.address, "swh", tmp_path / "swh", rounds=1) as client,
        ):
            await client.until_it_leaves()
        [(payload,)] = rows(tmp_path, "SELECT payload FROM updates")
        np.testing.assert_allclose(delta_of(payload, plan), 0.01, rtol=1e-6)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_it_waits_for_a_coordinator_that_comes_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan()
        async with (
            embedded(tmp_path / "broker") as broker,
            second_client(tmp_path / "libraries", broker.address, "swh", tmp_path / "swh", rounds=1) as client,
            watching(broker.address, "mfpt/v1/test/client/+/state") as inbox,
        ):
            await inbox.until(lambda: any(b'"online"' in payload for _, payload in inbox.messages))
            async with coordinating(tmp_path, plan, broker.address):
                await client.until_it_leaves()
            await inbox.until(lambda: any(b'"offline"' in payload for _, payload in inbox.messages))

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_it_forgets_an_update_from_a_version_that_does_not_exist_and_trains_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan()
        keep_update(tmp_path / "swh", 7, plan, base_version=99)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address),
            second_client(tmp_path / "libraries", broker.address, "swh", tmp_path / "swh", rounds=1) as client,
        ):
            await client.until_it_leaves()
        assert [(report["sequence"], report["version"]) for report in client.reported("resync")] == [(7, 0)]
        assert [report["sequence"] for report in client.reported("ack")] == [8]
        assert list((tmp_path / "swh").glob("*.update")) == []

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_it_forgets_an_update_that_was_rejected(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan()
        keep_update(tmp_path / "swh", 7, plan, digest="another")
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, serving),
            second_client(tmp_path / "libraries", broker.address, "swh", tmp_path / "swh", rounds=1) as client,
        ):
            rejected = await client.until("reject")
            assert (rejected["sequence"], rejected["reason"]) == (7, "incompatible")
            coordinator.stop()
            await asyncio.wait_for(serving, SECONDS)
        # It may have trained again by then, under another number.
        assert not (tmp_path / "swh" / "7.update").exists()
        assert rows(tmp_path, "SELECT * FROM updates WHERE sequence = 7") == []

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_it_says_goodbye_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=1) as (coordinator, serving),
            second_client(tmp_path / "libraries", broker.address, "swh", tmp_path / "swh", rounds=5) as client,
        ):
            await client.until_it_leaves()
            # A coordinator that has made its last version ends as soon as all devices have gone.
            await asyncio.wait_for(serving, SECONDS)
            assert [one.state for one in coordinator.state.clients.values()] == ["offline"]
        assert [(report["reason"], report["version"]) for report in client.reported("stop")] == [("finished", 1)]

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.fixture
def modules_in_reach(tmp_path: Path) -> Iterator[set[str]]:
    """What the client's process could import, out of some names."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    probe = tmp_path / "libraries" / "probe.py"
    project = ("mfpt_shared", "mfpt_coord", "mfpt_edge", "support")
    names = ("paho", "cryptography", "json", *project, "numpy", "msgspec", "safetensors", "nacl")
    probe.write_text(f"import importlib.util\nprint(*[n for n in {names} if importlib.util.find_spec(n)])\n")
    command = [*isolated(libraries), "probe"]
    yield set(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def test_its_process_could_not_import_the_project(modules_in_reach: set[str]) -> None:
    assert modules_in_reach == {"paho", "cryptography", "json"}
