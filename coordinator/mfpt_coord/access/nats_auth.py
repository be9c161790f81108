"""The service that nats-server asks about each login (`auth_callout`), in a thread with an event loop of its own.

The coordinator's loop may be busy with a fold for longer than the server waits for an answer. Whoever is let in gets
the rights of one account, under no other MQTT client id; whoever is withdrawn is cut off at once.

Source: NATS documentation, "Auth Callout"; measured on nats-server 2.15 (decision 0019).
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from mfpt_coord.access.accounts import Account
from mfpt_coord.access.connections import Connections, Place
from mfpt_coord.access.desk import Desk, Failures, is_nameless
from mfpt_coord.access.nats_connections import cut, logins
from mfpt_coord.access.nats_tokens import Login, allowed, read_login, refused
from mfpt_coord.access.rights import Rights
from mfpt_shared.errors import ConnectionFailed, DecodeError
from mfpt_shared.keys import SigningKey

_QUESTIONS: Final = "$SYS.REQ.USER.AUTH"
_CONNECT_SECONDS: Final = 5
_LOG_SECONDS: Final = 60.0

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
        self._connections = Connections()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._clients: list[Client] = []
        self._system: Client | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._lost = threading.Event()
        self._logged_at = -math.inf
        self._unlogged = 0

    @property
    def failed_logins(self) -> int:
        """See Credentials.failed_logins."""
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
            places = self._connections.take(user)
        if self._thread is not None:
            self._submit(self._kick(places))

    @property
    def is_lost(self) -> bool:
        """Whether the service has lost the server, or the server the service: nobody can log in any more."""
        return self._lost.is_set()

    async def start(self, url: str) -> None:
        """Connect to the server's native port, and answer from now on; on a later start of the server, again.

        Raises:
            ConnectionFailed: The server cannot be reached.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, name="mfpt-accounts", daemon=True)
            self._thread.start()
        await asyncio.wrap_future(self._submit(self._connect(url)))

    async def stop(self) -> None:
        """End the service for good."""
        if self._thread is not None:
            await asyncio.wrap_future(self._submit(self._disconnect()))
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self._loop.close()

    def _submit(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _connect(self, url: str) -> None:
        await self._disconnect()
        with self._lock:
            self._connections.clear()
        try:
            self._system = await self._client(url, "sys", self._logins.system)
            service = await self._client(url, "auth", self._logins.service)
            await service.subscribe(_QUESTIONS, cb=self._answer)
            await service.flush()
            await self._cut_unheard(self._system)
        except (nats.errors.Error, msgspec.MsgspecError, OSError) as error:
            raise ConnectionFailed(f"the embedded broker does not take the service for logins: {error}") from error

    async def _client(self, url: str, user: str, password: str) -> Client:
        client = Client()

        async def lost() -> None:
            if client in self._clients:
                self._lost.set()

        self._clients.append(client)
        # Not connected again behind our back: a server that was started again has another port.
        await client.connect(
            url,
            user=user,
            password=password,
            connect_timeout=_CONNECT_SECONDS,
            allow_reconnect=False,
            error_cb=_ignore,
            closed_cb=lost,
        )
        return client

    async def _disconnect(self) -> None:
        clients, self._clients, self._system = self._clients, [], None
        for client in clients:
            await client.close()
        for task in self._work:
            task.cancel()
        self._lost.clear()

    async def _answer(self, question: Msg) -> None:
        try:
            login = read_login(question.data)
        except DecodeError as error:
            _log.warning("a question about a login cannot be read: %s", error)
            return
        # In a task of its own: an answer that is delayed delays no other.
        task = asyncio.create_task(self._decide(login, question))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        task.add_done_callback(_report)

    async def _decide(self, login: Login, question: Msg) -> None:
        at, now = time.time(), time.monotonic()
        given_up: list[Place] = []
        # Under one lock with `withdraw`: whoever is let in before it is noted by then, and will be cut.
        with self._lock:
            found = self._desk.decide(login.user, login.password, login.client) if login.is_mqtt else "not MQTT"
            if not isinstance(found, Rights):
                delay = self._failures.note(login.host, found, now)
            elif not is_nameless(login.user):
                given_up = self._connections.add(login.user, Place(login.server, login.connection))
        if isinstance(found, Rights):
            await question.respond(allowed(login, found, self._logins.key, int(at)))
            await self._kick(given_up)
            return
        self._tell(login, found, now)
        await asyncio.sleep(delay)
        await question.respond(refused(login, found, self._logins.key, int(at)))

    def _tell(self, login: Login, problem: str, now: float) -> None:
        """Log a failed login, but no more than one line a minute."""
        self._unlogged += 1
        if now < self._logged_at + _LOG_SECONDS:
            return
        _log.warning("%d failed logins, the last from %r: %s", self._unlogged, login.host[:100], problem)
        self._logged_at, self._unlogged = now, 0

    async def _cut_unheard(self, system: Client) -> None:
        """Cut whoever asked before the service was there.

        The server takes connections before it lets the service in. It asks nobody then, waits, and refuses them: a
        device would believe that it is not wanted. One that is cut without an answer just tries again.
        """
        found = await logins(system)
        with self._lock:
            unheard = [place for user, place in found if not self._connections.has(user, place)]
        await cut(system, unheard)

    async def _kick(self, places: Iterable[Place]) -> None:
        if self._system is not None:
            await cut(self._system, places)


async def _ignore(error: Exception) -> None:
    """Errors that matter end the connection, which `is_lost` tells."""
    _log.debug("connection for accounts: %r", error)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("a login could not be answered: %r", error)
