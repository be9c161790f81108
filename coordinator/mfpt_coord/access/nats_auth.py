"""The service that nats-server asks about each login (`auth_callout`), in a thread with an event loop of its own.

The coordinator's loop may be busy with a fold for longer than the server waits for an answer. Whoever is let in gets
the rights of one account, under no other MQTT client id; whoever is withdrawn is cut off at once.

Source: NATS documentation, "Auth Callout"; measured on nats-server 2.15 (decision 0019).
"""

import asyncio
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from mfpt_coord.access.accounts import Account
from mfpt_coord.access.desk import Desk, Failures
from mfpt_coord.access.nats_tokens import Login, allowed, read_login, refused
from mfpt_coord.access.rights import Rights
from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import SigningKey

_QUESTIONS: Final = "$SYS.REQ.USER.AUTH"
_CONNECT_SECONDS: Final = 5
_KICK_SECONDS: Final = 2.0
_LOG_SECONDS: Final = 60.0
# One user has one connection, and an invitation as many as it has uses at the same time.
_MOST_CONNECTIONS: Final = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerLogins:
    """The users that log in from the server's own file.

    Attributes:
        service: Password of `auth`, which answers questions.
        system: Password of `sys`, which may cut connections.
        coordinator: Password of `coord`.
        key: Key that signs the answers.
    """

    service: str
    system: str
    coordinator: str
    key: SigningKey


class NatsAccounts:
    """Credentials for the embedded broker. See `accounts.Credentials`."""

    def __init__(self, desk: Desk, logins: ServerLogins) -> None:
        """Prepare; nothing runs yet.

        Args:
            desk: Decides about logins.
            logins: How the service itself logs in.
        """
        self._desk = desk
        self._logins = logins
        self._lock = threading.Lock()
        self._failures = Failures()
        self._connections: dict[str, deque[tuple[str, int]]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._service: Client | None = None
        self._system: Client | None = None
        self._logged_at = 0.0
        self._unlogged = 0

    @property
    def failed_logins(self) -> int:
        """Number of logins that failed since the start."""
        with self._lock:
            return self._failures.total.total()

    def allow(self, account: Account, password: str) -> None:
        """See Credentials.allow."""
        del password
        with self._lock:
            self._desk.allow(account)

    def withdraw(self, user: str) -> None:
        """See Credentials.withdraw."""
        with self._lock:
            self._desk.withdraw(user)
            connections = self._connections.pop(user, ())
        if self._thread is not None:
            self._submit(self._kick(connections))

    async def start(self, url: str) -> None:
        """Connect to the server's native port, and answer from now on; on a later start of the server, again.

        Raises:
            OSError: The server cannot be reached.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, name="mfpt-accounts", daemon=True)
            self._thread.start()
        await asyncio.wrap_future(self._submit(self._connect(url)))

    async def stop(self) -> None:
        """End the service."""
        if self._thread is None:
            return
        await asyncio.wrap_future(self._submit(self._disconnect()))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._thread = None

    def _submit(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _connect(self, url: str) -> None:
        await self._disconnect()
        logins = self._logins
        with self._lock:
            self._connections.clear()
        self._system = await _connected(url, "sys", logins.system)
        self._service = await _connected(url, "auth", logins.service)
        await self._service.subscribe(_QUESTIONS, cb=self._answer)
        await self._service.flush()

    async def _disconnect(self) -> None:
        for client in (self._service, self._system):
            if client is not None:
                await client.close()
        self._service = self._system = None

    async def _answer(self, question: Msg) -> None:
        try:
            login = read_login(question.data)
        except DecodeError as error:
            _log.warning("a question about a login cannot be read: %s", error)
            return
        # In a task of its own: an answer that is delayed delays no other.
        task = asyncio.create_task(self._decide(login, question))
        task.add_done_callback(_report)

    async def _decide(self, login: Login, question: Msg) -> None:
        now = time.time()
        with self._lock:
            found = self._desk.decide(login.user, login.password, login.client) if login.is_mqtt else "not MQTT"
            if isinstance(found, Rights):
                connections = self._connections.setdefault(login.user, deque(maxlen=_MOST_CONNECTIONS))
                connections.append((login.server, login.connection))
                delay = 0.0
            else:
                delay = self._failures.note(login.host, found, now)
        if isinstance(found, Rights):
            await question.respond(allowed(login, found, self._logins.key, int(now)))
            return
        self._tell(login, found, now)
        await asyncio.sleep(delay)
        await question.respond(refused(login, found, self._logins.key, int(now)))

    def _tell(self, login: Login, problem: str, now: float) -> None:
        """Log a failed login, but no more than one line a minute."""
        self._unlogged += 1
        if now < self._logged_at + _LOG_SECONDS:
            return
        _log.warning("%d failed logins, the last from %r: %s", self._unlogged, login.host[:100], problem)
        self._logged_at, self._unlogged = now, 0

    async def _kick(self, connections: Iterable[tuple[str, int]]) -> None:
        for server, connection in connections:
            if self._system is not None:
                request = json.dumps({"cid": connection}).encode()
                try:
                    await self._system.request(f"$SYS.REQ.SERVER.{server}.KICK", request, timeout=_KICK_SECONDS)
                except nats.errors.Error as error:
                    _log.warning("a connection of a revoked account may live on until it is next checked: %r", error)


async def _connected(url: str, user: str, password: str) -> Client:
    return await nats.connect(
        url,
        user=user,
        password=password,
        connect_timeout=_CONNECT_SECONDS,
        allow_reconnect=False,
        error_cb=_ignore,
    )


async def _ignore(error: Exception) -> None:
    """Errors of the connection are seen by the supervisor of the server, which starts it again."""
    _log.debug("connection for accounts: %r", error)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("a login could not be answered: %r", error)
