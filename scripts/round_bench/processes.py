"""The broker, the coordinator and bare paho clients of a measurement, each stopped with its context."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from mfpt_coord.access.desk import Desk, OpenHouse
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.broker_config import BrokerOptions, Listen
from mfpt_shared.errors import MfptError, TimedOut
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.codec import MAX_PAYLOAD
from mfpt_shared.protocol.topics import COORDINATOR_STATE
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from mfpt_shared.transport.mqtt import MAX_IN_FLIGHT

STOP_SECONDS: Final = 15.0


@asynccontextmanager
async def fresh_broker() -> AsyncIterator[tuple[BrokerAddress, Path]]:
    """Run the embedded broker on a free port; give its address and an empty folder."""
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
        desk = Desk("default", open_house=OpenHouse())
        options = BrokerOptions(MAX_PAYLOAD)
        place = Path(folder) / "broker"
        async with EmbeddedBroker(place, Listen("127.0.0.1", 0), options, "default", desk, os.environ) as broker:
            yield broker.address, Path(folder)


class CoordinatorProcess:
    """`mfpt-coord serve` in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Keep the process and the path of its log."""
        self._process = process
        self._log = log

    def explain(self) -> str:
        """Return what the coordinator said last, and whether it has ended."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        code = self._process.poll()
        ended = "" if code is None else f"the coordinator ended with exit code {code}; "
        return f"{ended}its last line: {lines[-1] if lines else 'nothing'}"


@contextmanager
def coordinator(folder: Path, plan: Plan, broker: BrokerAddress) -> Iterator[CoordinatorProcess]:
    """Run a coordinator on a broker that is there already."""
    (folder / "plan.toml").write_text(plan_to_toml(plan), encoding="utf-8")
    command = [sys.executable, "-m", "mfpt_coord", "serve", "--broker", str(broker)]
    command += ["--plan", str(folder / "plan.toml"), "--data-dir", str(folder / "data")]
    with (folder / "coordinator.log").open("wb") as log:
        environment = {**os.environ, PASSWORD_VARIABLE: broker.password or ""}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, stdout=log, env=environment)
        try:
            yield CoordinatorProcess(process, folder / "coordinator.log")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_online(address: BrokerAddress, federation: str, server: CoordinatorProcess, limit: float) -> None:
    """Wait for the coordinator's first message.

    Raises:
        TimedOut: it did not come within the limit (seconds).
    """
    online = threading.Event()
    with bare_client(address, "watcher") as watcher:
        watcher.on_message = lambda *_: online.set()
        watcher.subscribe(COORDINATOR_STATE.path(federation), 1)
        if not online.wait(limit):
            raise TimedOut(f"the coordinator was not online after {limit:g} s; {server.explain()}")


@contextmanager
def bare_client(address: BrokerAddress, name: str, user: str | None = None) -> Iterator[paho.Client]:
    """Connect a paho client, with the settings of mfpt's own; without a user, it logs in as the address says."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.max_inflight_messages_set(MAX_IN_FLIGHT)
    client.on_socket_open = _send_at_once
    login = (user, None) if user else address.login
    if login is not None:
        client.username_pw_set(*login)
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        raise MfptError(f"cannot reach the broker at {address}: {error}") from error
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _send_at_once(_client: paho.Client, _data: object, sock: object) -> None:
    assert isinstance(sock, socket.socket)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def take(semaphore: threading.Semaphore, times: int, limit: float, what: str) -> None:
    """Wait until a semaphore has been released a number of times.

    Raises:
        TimedOut: one release took longer than the limit (seconds).
    """
    for done in range(times):
        if not semaphore.acquire(timeout=limit):
            raise TimedOut(f"{done} of {times} {what} came; no other within {limit:g} s")
