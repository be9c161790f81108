"""Small federations: a tiny plan, real coordinators and devices with stub trainers, in one event loop."""

import asyncio
import contextlib
import math
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from mfpt_coord.access.accounts import Credentials
from mfpt_coord.core.opening import with_limit
from mfpt_coord.core.relations import Distances
from mfpt_coord.server.channel import coordinator_will
from mfpt_coord.server.coordinator import Coordinator
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.observer import Observer
from mfpt_coord.server.serve import open_identity, open_state
from mfpt_coord.server.store import SqliteStore
from mfpt_edge.commands.admission import connection_of, trust_of
from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.connect import connect_with_retries
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.membership import Membership
from mfpt_shared.clock import Clock, SteadyClock
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, checked
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.messages import Update
from mfpt_shared.protocol.topics import CLIENT_UP, COORDINATOR_STATE, ROOT
from mfpt_shared.tensors import Array, dense, flatten, layout, unflatten
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.inbox import SECONDS, Inbox
from support.joining import reach

LANGUAGES: Final = ("swh", "yor", "hau")


def tiny_plan(*, tokens: int = 4, **aggregation: Any) -> Plan:
    """Return a plan whose prompt state has some fifty values."""
    return checked(
        Plan(
            federation="test",
            task=Task(labels=("good", "bad")),
            backbone=BackboneSpec(uri="path:none", width=8, layers=2),
            prompt=PromptSpec(tokens=tokens),
            aggregation=Aggregation(**{"buffer": 1, "start_together": 0, "proximity": "uniform", **aggregation}),
        )
    )


async def no_distances(_languages: Iterable[LanguageCode], _metrics: Sequence[str]) -> Distances:
    return {}


@contextlib.asynccontextmanager
async def coordinating(
    directory: Path,
    plan: Plan,
    address: BrokerAddress,
    *,
    folds: int | None = None,
    look_up: Callable[..., Any] = no_distances,
    credentials: Credentials | None = None,
    clock: Clock | None = None,
    observer: Observer | None = None,
    wall: Clock | None = None,
) -> AsyncIterator[tuple[Coordinator, "asyncio.Task[None]"]]:
    """Run a coordinator on a data directory, from the moment it is online until the context ends.

    With the accounts of a broker the federation is closed: it takes invited devices only.
    """
    directory.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(directory / DATABASE_FILE, keep=math.inf)
    try:
        state = replace(open_state(store, plan), open=credentials is None)
        identity = open_identity(directory, store)
        transport = MqttTransport(
            address,
            identity.mqtt_client,
            will=coordinator_will(plan.federation, identity),
            persistent=True,
        )
        coordinator = Coordinator(
            with_limit(state, folds),
            store,
            transport,
            identity,
            clock=clock or SteadyClock(),
            wall=wall or time.time,
            look_up=look_up,
            credentials=credentials,
            observer=observer,
        )
        watcher = MqttTransport(address, f"watcher-{uuid.uuid4().hex}")
        await watcher.connect()
        inbox = Inbox(watcher)
        own = f"{ROOT}/{plan.federation}/watcher"
        watcher.subscribe(COORDINATOR_STATE.path(plan.federation), own, qos=0)
        watcher.publish(own, b"")
        await inbox.until_message(own, b"")
        inbox.events.clear()
        task = asyncio.create_task(coordinator.run())
        try:
            await inbox.until(lambda: any(b'"online"' in payload for _, payload in inbox.messages))
            await watcher.close()
            yield coordinator, task
        finally:
            coordinator.stop()
            await asyncio.wait_for(task, SECONDS)
    finally:
        store.close()


def as_device(address: BrokerAddress, name: str) -> BrokerAddress:
    """Return the address with which a device logs in where nobody needs a password."""
    return replace(address, username=name, password=None)


class Device:
    """An edge client with a folder of its own, and a stub trainer or one that is made for the plan."""

    def __init__(
        self,
        folder: Path | DeviceFolder,
        language: str,
        address: BrokerAddress | str,
        trainer: Trainer | Callable[[Plan], Trainer],
        *,
        federation: str = "test",
        rounds: int | None = None,
        leave_after: float = 0.0,
        membership: Membership | None = None,
        wall: Clock = time.time,
    ) -> None:
        self.folder = DeviceFolder(folder) if isinstance(folder, Path) else folder
        self.identity = self.folder.enrol(LanguageCode(language))
        session = self.folder.begin_session(self.identity)
        url = address if isinstance(address, str) else str(replace(address, username=None))
        connection = connection_of(reach(url), membership, session)
        self._transport = connection.transport(session.mqtt_client, will=client_will(federation, session))
        self._changed = asyncio.Event()
        self.client = EdgeClient(
            self.folder,
            session,
            federation,
            self._transport,
            trust=trust_of(membership),
            prepare=trainer if callable(trainer) else lambda _: trainer,
            clock=SteadyClock(),
            wall=wall,
            rounds=rounds,
            leave_after=leave_after,
            observe=self._observe,
        )

    def _observe(self, _: Snapshot) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[Snapshot], bool], seconds: float = SECONDS) -> None:
        """Wait for something that the device's terminal would show."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self.client.snapshot):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"it did not happen within {seconds:g} s: {self.client.snapshot}") from None

    @property
    def state(self) -> dict[str, Array]:
        """The newest prompt that the device received."""
        assert self.client.prompts.newest is not None
        return dense(self.client.prompts.newest.state)

    async def run(self) -> None:
        """Take part until the client ends by itself."""
        try:
            await connect_with_retries(self._transport, None, asyncio.sleep)
            await self.client.run()
        finally:
            self.client.close()


@contextlib.asynccontextmanager
async def running(*devices: Device) -> AsyncIterator["asyncio.Future[list[None]]"]:
    """Run devices; the value is done when all have ended by themselves."""
    together = asyncio.gather(*(device.run() for device in devices))
    try:
        yield together
    finally:
        together.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await together


def rows(directory: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask a coordinator's database."""
    with contextlib.closing(sqlite3.connect(directory / DATABASE_FILE)) as database:
        return database.execute(query).fetchall()


def stored_prompts(directory: Path, plan: Plan, version: int) -> dict[str, dict[str, Array]]:
    """Return language -> prompt state of one version."""
    found = rows(directory, f"SELECT language, vector FROM prompts WHERE version = {version}")
    return {language: dict(unflatten(np.frombuffer(vector, np.float32), layout(plan))) for language, vector in found}


def delta_of(payload: bytes, plan: Plan) -> Array:
    """Return the flat delta of an update, as it came over the wire."""
    update = decode(CLIENT_UP, payload)
    assert isinstance(update, Update)
    return flatten(dense(update.delta), layout(plan))
