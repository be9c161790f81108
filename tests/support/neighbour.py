"""A device that speaks the protocol by hand, beside a coordinator that runs as a process."""

import contextlib
from pathlib import Path
from typing import Any, Final, Self

from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.codec import Decoded, understand
from mfpt_shared.protocol.messages import ClientState, Metrics, PlanNotice, Ready, Update, UpdateHeader
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, PLAN
from mfpt_shared.tensors import initial_state, quantise
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.federation import as_device, tiny_plan
from support.inbox import Inbox
from support.sealing import sealed

FEDERATION: Final = "test"
ATTEMPTS: Final = 4


class Neighbour:
    """A device that speaks the protocol by hand."""

    def __init__(self, address: BrokerAddress, name: str) -> None:
        self.name = name
        self.transport = MqttTransport(as_device(address, name), name)
        self.inbox = Inbox(self.transport)
        self._plan: Plan | None = None
        self._number = 0

    async def __aenter__(self) -> Self:
        await self.transport.connect()
        self._plan = await self._retained_plan()
        return self

    async def _retained_plan(self) -> Plan:
        """Subscribe until the plan comes, as devices do: a busy broker sometimes loses a retained message."""
        topic = PLAN.path(FEDERATION)
        for _ in range(ATTEMPTS):
            self.transport.subscribe(topic, CLIENT_DOWN.path(FEDERATION, self.name))
            with contextlib.suppress(AssertionError):
                await self.inbox.until(lambda: bool(self.inbox.payloads(topic)), seconds=5)
                received = understand(topic, self.inbox.payloads(topic)[-1], FEDERATION)
                assert received is not None
                assert isinstance(received.message, PlanNotice)
                return received.message.plan
        raise AssertionError("no plan came")

    async def __aexit__(self, *_: object) -> None:
        self._be(ClientState(state="offline", language="swh", phase="done", **self._stamp()))
        await self.transport.flush(5)
        await self.transport.close()

    def _stamp(self) -> dict[str, Any]:
        self._number += 1
        return {"session": 1, "number": self._number}

    def _be(self, state: ClientState) -> None:
        path = CLIENT_STATE.path(FEDERATION, self.name)
        self.transport.publish(path, sealed(path, state, self.name), retain=True)

    def say(self, message: Decoded) -> None:
        path = CLIENT_UP.path(FEDERATION, self.name)
        self.publish(sealed(path, message, self.name))

    def publish(self, payload: bytes) -> None:
        self.transport.publish(CLIENT_UP.path(FEDERATION, self.name), payload)

    async def take_part(self) -> None:
        """Say that it is ready, and wait for an assignment."""
        assert self._plan is not None
        self._be(ClientState(state="online", language="swh", phase="idle", **self._stamp()))
        self.say(Ready(language="swh", examples=10, plan=self._plan.digest, backbone="", **self._stamp()))
        await self.until_told(b'"assign"')

    async def until_told(self, word: bytes) -> None:
        down = CLIENT_DOWN.path(FEDERATION, self.name)
        await self.inbox.until(lambda: any(word in payload for payload in self.inbox.payloads(down)))

    def update(self, sequence: int) -> Update:
        assert self._plan is not None
        header = UpdateHeader(
            sequence=sequence,
            language="swh",
            base_version=0,
            examples=10,
            plan=self._plan.digest,
            backbone="",
            metrics=Metrics(loss=1.0, accuracy=0.5),
        )
        return Update(header, {name: quantise(array) for name, array in initial_state(self._plan).items()})


def plan_file(directory: Path, plan: Plan | None = None) -> Path:
    """Write a plan. The default one has a buffer that a single device cannot fill, so that the version stays 0."""
    file = directory / "plan.toml"
    file.write_text(plan_to_toml(plan or tiny_plan(buffer=100)), encoding="utf-8")
    return file
