"""A coordinator process with its embedded broker, as devices find it: signed or not, with TLS or without."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.data_folder import KEY_FILE, open_store
from mfpt_coord.server.ports import claim_port
from mfpt_coord.server.serve import open_state
from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import TimedOut
from mfpt_shared.folders import private_folder
from mfpt_shared.keys import PublicKey, SigningKey
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.topics import COORDINATOR_STATE
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress, parse_broker
from mfpt_shared.transport.security import Security
from round_bench.processes import bare_client

_STOP_SECONDS: Final = 15.0

Protection = Literal["signed", "secured", "unsecured"]
"""How messages are protected: signed, on plain TCP; signed, on TLS; neither."""


class Door(msgspec.Struct, frozen=True):
    """How the processes of a measurement take part in a federation.

    Attributes:
        broker: URL of its broker.
        pinned: Key that must have signed the broker's certificate; None: plain TCP.
        is_signed: Whether messages are signed.
    """

    broker: str
    pinned: bytes | None
    is_signed: bool

    @property
    def address(self) -> BrokerAddress:
        """Address of the broker."""
        return parse_broker(self.broker)

    @property
    def security(self) -> Security:
        """Whom to believe where the broker has TLS."""
        return Security(pinned=None if self.pinned is None else PublicKey(self.pinned))

    def command(self, module: str, *arguments: str) -> list[str]:
        """Return the command line of a module of this federation, coordinator or devices."""
        start = [module] if self.is_signed else ["round_bench.unsecured", module]
        return [sys.executable, "-m", *start, *arguments]


class CoordinatorProcess:
    """`mfpt-coord serve` in a process of its own, with its embedded broker."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, door: Door) -> None:
        """Keep the process, the path of its log, and how devices take part."""
        self._process = process
        self._log = log
        self.door = door

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def explain(self) -> str:
        """Return what the coordinator said last, and whether it has ended."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        code = self._process.poll()
        ended = "" if code is None else f"the coordinator ended with exit code {code}; "
        return f"{ended}its last line: {lines[-1] if lines else 'nothing'}"


@contextmanager
def coordinator(folder: Path, plan: Plan, protection: Protection, limit: float) -> Iterator[CoordinatorProcess]:
    """Run a coordinator with its embedded broker, open to all, until it is online.

    Args:
        folder: Empty folder for its data.
        plan: Plan of its federation.
        protection: How messages are protected.
        limit: Seconds that it may take to start.

    Raises:
        TimedOut: It was not online within the limit.
    """
    (folder / "plan.toml").write_text(plan_to_toml(plan), encoding="utf-8")
    key, data = SigningKey.generate(), folder / "data"
    with contextlib.closing(open_store(private_folder(data))) as store:
        open_state(store, plan)
    write_durably(data / KEY_FILE, key.to_pem())
    has_tls = protection == "secured"
    place = Listen("127.0.0.1", claim_port(Listen("127.0.0.1", 0)))
    address = BrokerAddress(place.host, place.port, "mqtts" if has_tls else "mqtt")
    door = Door(str(address), key.public if has_tls else None, protection != "unsecured")
    command = door.command(
        *(
            "mfpt_coord",
            "serve",
            "--open",
            "--tls" if has_tls else "--no-tls",
            "--listen",
            f"{place.host}:{place.port}",
        ),
        *("--plan", str(folder / "plan.toml"), "--data-dir", str(data)),
    )
    environment = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    with (folder / "coordinator.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, stdout=log, env=environment)
        try:
            server = CoordinatorProcess(process, folder / "coordinator.log", door)
            _wait_until_online(server, plan.federation, limit)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_online(server: CoordinatorProcess, federation: str, limit: float) -> None:
    """Wait for the coordinator's first message."""
    late = TimedOut(f"the coordinator was not online after {limit:g} s")
    give_up = time.monotonic() + limit
    address, online = server.door.address, threading.Event()
    while not _listens(address):
        if server.has_ended or time.monotonic() >= give_up:
            raise TimedOut(f"{late}; {server.explain()}")
        time.sleep(0.02)  # there is no event for a port that opens
    with bare_client(address, "watcher", security=server.door.security) as watcher:

        def subscribe(*_: object) -> None:
            watcher.subscribe(COORDINATOR_STATE.path(federation), 1)

        watcher.on_message = lambda *_: online.set()
        # A server that has just begun to listen may not know yet who may log in: paho connects again, and forgets what
        # was asked for.
        watcher.on_connect = subscribe
        subscribe()
        if not online.wait(max(0.0, give_up - time.monotonic())):
            raise TimedOut(f"{late}; {server.explain()}")


def _listens(address: BrokerAddress) -> bool:
    try:
        socket.create_connection((address.host, address.port)).close()
    except OSError:
        return False
    return True
