"""The broker, the coordinator and bare paho clients of a measurement, each stopped with its context."""

import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from mfpt_coord.access.desk import Desk, OpenHouse
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.broker_config import BrokerOptions, Listen
from mfpt_shared.errors import MfptError, TimedOut
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.paho_client import MAX_IN_FLIGHT
from mfpt_shared.transport.security import Security

# On top of the devices' own limit: time for their process to start and to end.
_SPARE_SECONDS: Final = 60.0

AnswerT = TypeVar("AnswerT")


@asynccontextmanager
async def fresh_broker() -> AsyncIterator[BrokerAddress]:
    """Run the embedded broker on a free port, for bare clients; give its address."""
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
        desk = Desk("default", open_house=OpenHouse())
        options = BrokerOptions(MAX_PAYLOAD)
        place = Path(folder) / "broker"
        async with EmbeddedBroker(place, Listen("127.0.0.1", 0), options, "default", desk, os.environ) as broker:
            yield broker.address


def ask(command: list[str], question: msgspec.Struct, answer: type[AnswerT], limit: float) -> AnswerT:
    """Run the devices of a measurement in a process of their own.

    Args:
        command: Command line of the process, which reads JSON and prints JSON.
        question: What it is to do.
        answer: Type of what it prints.
        limit: Seconds that it gives itself.

    Raises:
        TimedOut: It hangs.
        MfptError: It failed.
    """
    try:
        done = subprocess.run(
            command,
            input=msgspec.json.encode(question),
            capture_output=True,
            timeout=limit + _SPARE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"the process of the devices hung for {error.timeout:g} s") from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise MfptError(f"the process of the devices failed: {''.join(last) or done.returncode}")
    return msgspec.json.decode(done.stdout, type=answer)


@contextmanager
def bare_client(
    address: BrokerAddress, name: str, user: str | None = None, *, security: Security | None = None
) -> Iterator[paho.Client]:
    """Connect a paho client, with the settings of mfpt's own; without a user, it logs in as the address says."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.max_inflight_messages_set(MAX_IN_FLIGHT)
    client.on_socket_open = _send_at_once
    if address.tls and security is not None:
        client.tls_set_context(security.context())
        client.tls_insecure_set(True)  # the pinned key is looked at instead of the host name
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
