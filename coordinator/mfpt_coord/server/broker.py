"""The embedded broker: a `nats-server` child process that speaks MQTT and keeps its sessions on disk.

It listens on one address, is restarted when it dies, and stops together with the coordinator.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from mfpt_coord.access.accounts import COORDINATOR_USER
from mfpt_coord.access.desk import Desk
from mfpt_coord.access.nats_auth import NatsAccounts, ServerLogins
from mfpt_coord.server.broker_config import BrokerOptions, Listen, configuration
from mfpt_coord.server.certificate_files import CertificateFiles
from mfpt_coord.server.child import end_orphan
from mfpt_coord.server.nats_server import NatsServer
from mfpt_coord.server.ports import claim_port_soon
from mfpt_shared.atomic import write_durably
from mfpt_shared.environment import explained, sentence
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.folders import private_folder
from mfpt_shared.keys import SigningKey
from mfpt_shared.system.files import remove
from mfpt_shared.transport.address import BrokerAddress, Scheme

PORT_SECONDS: Final = 10.0
"""Time in which the system frees the port of a server that was left behind."""
RESTART_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 1.0
"""Time between two looks at the certificate and at the service for logins."""
FRESH_TIMES: Final = 2
"""How often a server must have been deaf in a row, while it ran, before it gets a fresh folder, once."""

_log = logging.getLogger(__name__)


def parse_listen(text: str, option: str = "--listen", usual_port: int = 1883) -> Listen:
    """Parse `HOST:PORT`; either part may be left out.

    Args:
        text: What was given.
        option: Option by which it was given.
        usual_port: Port where none is given.

    Raises:
        UsageError: It is not of this form.
    """
    host, separator, port = text.rpartition(":")
    if not separator:
        host, port = (port, str(usual_port)) if not port.isdecimal() else ("", port)
    if not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"{option} {text!r} is not an address; give HOST:PORT, for example 0.0.0.0:{usual_port}")
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
        self._server = NatsServer(directory, environment)
        self._logins = ServerLogins(
            service=secrets.token_urlsafe(),
            system=secrets.token_urlsafe(),
            coordinator=secrets.token_urlsafe(),
            key=SigningKey.generate(),
        )
        self.accounts = NatsAccounts(desk, self._logins)
        self._certificate: CertificateFiles | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._deaf = asyncio.Event()
        self._deaf_times = 0
        self._problem = ""

    @property
    def address(self) -> BrokerAddress:
        """Address for the coordinator, with its own user."""
        return replace(self.public_address, username=COORDINATOR_USER, password=self._logins.coordinator)

    @property
    def public_address(self) -> BrokerAddress:
        """Address for clients on this machine."""
        return _address(self._listen, "mqtts" if self._options.certificate else "mqtt")

    @property
    def websocket_address(self) -> BrokerAddress | None:
        """Address for clients on this machine that use WebSockets; None: there is none."""
        if (listen := self._options.websocket) is None:
            return None
        return _address(listen, "wss" if self._options.certificate else "ws")

    @property
    def certificate(self) -> Path | None:
        """File that begins with the certificate in use; None: there is no TLS. It changes when that is renewed."""
        return self._certificate.copies.chain if self._certificate is not None else None

    async def __aenter__(self) -> "EmbeddedBroker":
        """Start the server and wait until it listens.

        Raises:
            ConnectionFailed: nats-server is not installed, its port is taken, or it ends at once.
            UsageError: The certificate cannot be used.
            TimedOut: It does not listen in time.
            OSError: The disk is full, of which the server itself would say nothing.
        """
        private_folder(self._directory)
        # The ports of a server that had a thousand connections are taken for some time after it has ended.
        patience = PORT_SECONDS if await end_orphan(self._directory) else 0.0
        self._listen = replace(self._listen, port=await claim_port_soon(self._listen, patience))
        if (websocket := self._options.websocket) is not None:
            port = await claim_port_soon(websocket, patience)
            self._options = replace(self._options, websocket=replace(websocket, port=port))
        if self._options.certificate is not None:
            self._certificate = CertificateFiles(self._options.certificate, self._directory)
            self._options = replace(self._options, certificate=self._certificate.copies)
        self._write_configuration()
        try:
            await self._start()
        except BaseException:
            await self.accounts.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the server."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        await self._server.stop()
        await self.accounts.stop()
        remove(self._directory / "nats.pid", missing_ok=True)

    def revive(self, times: int) -> None:
        """Start the server again, because it does not deliver; the second time on a fresh folder. See `Revive`."""
        if times == 1:
            self._deaf_times = 0
        self._deaf.set()

    async def _start(self) -> None:
        await self._server.start(self.public_address, self.accounts.start)

    async def _supervise(self) -> None:
        while True:
            try:
                await self._start_again_if_needed()
            except OSError as error:  # a full disk, or something in the place of a file
                _log.error("the embedded broker: %s", sentence(error))

    async def _start_again_if_needed(self) -> None:
        """Wait until the server has to be started again, and do so.

        Raises:
            OSError: A file in the way of that cannot be written or moved; the server may not run.
        """
        has_failed = await self._until_it_has_to_start_again()
        await self._server.stop()
        if has_failed:
            await asyncio.sleep(RESTART_SECONDS)
        if self._deaf.is_set():
            self._deaf_times += 1
            if self._deaf_times == FRESH_TIMES:
                self._server.set_aside()
        while not await self._started_again():
            await asyncio.sleep(RESTART_SECONDS)
        # Whatever was found while it could not be reached says nothing of the one that runs now.
        self._deaf.clear()

    async def _until_it_has_to_start_again(self) -> bool:
        """Wait, and tell whether the server ended or fails; otherwise it gets a new certificate."""
        while True:
            if (code := await self._server.ended(WATCH_SECONDS)) is not None:
                _log.warning("the embedded broker ended (exit %s); restarting it", code)
                return True
            if self._deaf.is_set():
                _log.error("the embedded broker runs, but delivers nothing: restarting it")
                return True
            if self.accounts.is_lost:
                _log.warning("the embedded broker asks nobody who may log in; restarting it")
                return True
            # Never a signal to read its configuration again: it would forget all retained messages.
            if self._certificate is not None and self._certificate.renew():
                _log.info("the embedded broker restarts with a new certificate; everybody connects again")
                return False

    async def _started_again(self) -> bool:
        try:
            await self._start()
        except (MfptError, OSError) as error:
            problem = str(error if isinstance(error, MfptError) else explained(error) or error)
            if problem != self._problem:
                _log.error("the embedded broker is not there: %s", problem)
            self._problem = problem
            if self._certificate is not None and self._certificate.revert():
                _log.error("the embedded broker does not take the new certificate; it gets the old one")
            return False
        self._problem = ""
        return True

    def _write_configuration(self) -> None:
        text = configuration(self._directory, self._listen, self._options, self._federation, self._logins)
        write_durably(self._directory / "nats.conf", text.encode("utf-8", "surrogateescape"))


def _address(listen: Listen, scheme: Scheme) -> BrokerAddress:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - compared, not bound
    return BrokerAddress(host, listen.port, scheme)
