"""The MQTT transport: paho on one side, asyncio on the other. The only module that imports paho.

paho runs its own thread. It puts what it receives in a deque, and wakes the event loop once for many messages.
Only features of MQTT 3.1.1 are used, so that any broker will do.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, MfptError, TimedOut, UsageError
from mfpt_shared.transport.base import QOS, Connected, Disconnected, Event, Inbound, Will

CONNECT_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 30
MAX_RECONNECT_SECONDS: Final = 30
# paho's 20 would make a fold for many languages wait for the broker's confirmations.
MAX_IN_FLIGHT: Final = 1000
DEFAULT_USER: Final = "mfpt"
PASSWORD_VARIABLE: Final = "MFPT_BROKER_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens, and which user connects."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        """Return the URL without the password."""
        user = f"{self.username}@" if self.username else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.tls else ''}://{user}{host}:{self.port}"


def parse_broker(url: str, environment: Mapping[str, str] | None = None) -> BrokerAddress:
    """Take a broker URL apart: `mqtt[s]://[user[:password]@]host[:port]`.

    Args:
        url: URL; without a port, the port is 1883, or 8883 with TLS.
        environment: Variables, among which `MFPT_BROKER_PASSWORD` is the password if the URL has none; the user is
            then `mfpt` unless the URL names one.

    Raises:
        UsageError: The URL is not of that form.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1 or parts.path.strip("/"):
        raise UsageError(f"{url!r} is not a broker address: give mqtt://host:port or mqtts://user@host:port")
    tls = parts.scheme == "mqtts"
    password = unquote(parts.password) if parts.password else (environment or {}).get(PASSWORD_VARIABLE) or None
    username = unquote(parts.username) if parts.username else DEFAULT_USER if password else None
    return BrokerAddress(parts.hostname, port or (8883 if tls else 1883), tls, username, password)


class MqttTransport:
    """One client of an MQTT broker. See `base.Transport`."""

    def __init__(
        self, address: BrokerAddress, client_id: str, *, will: Will | None = None, persistent: bool = False
    ) -> None:
        """Prepare a connection.

        Args:
            address: Address of the broker.
            client_id: MQTT client id, unique at the broker; a second connection with the same id ends the first.
            will: Message that the broker publishes when this side vanishes.
            persistent: Whether the broker queues messages for this client while it is away.
        """
        self._address = address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._wake_is_due = False
        self._first_answer: asyncio.Future[str] | None = None
        self._published = 0
        self._confirmed = 0
        self._all_confirmed = asyncio.Event()
        self._failed_attempts = 0
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=not persistent, protocol=paho.MQTTv311
        )
        client.max_inflight_messages_set(MAX_IN_FLIGHT)
        client.reconnect_delay_set(1, MAX_RECONNECT_SECONDS)
        client.connect_timeout = CONNECT_SECONDS
        if address.tls:
            client.tls_set()
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if will is not None:
            client.will_set(will.topic, will.payload, QOS, retain=True)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish

    async def connect(self) -> None:
        """See Transport.connect."""
        self._loop = asyncio.get_running_loop()
        self._first_answer = self._loop.create_future()
        where = self._address
        try:
            await self._loop.run_in_executor(
                None, lambda: self._client.connect(where.host, where.port, keepalive=KEEP_ALIVE_SECONDS)
            )
        except TimeoutError as error:
            raise TimedOut(f"no answer from {where} within {CONNECT_SECONDS:g} s") from error
        except OSError as error:
            raise ConnectionFailed(f"cannot reach the broker at {where}: {error.strerror or error}") from error
        self._client.loop_start()
        try:
            refusal = await asyncio.wait_for(self._first_answer, CONNECT_SECONDS)
            if refusal:
                raise _refused(where, refusal)
        except TimeoutError as error:
            await self._stop()
            raise TimedOut(f"{where} accepted the connection, but does not answer as an MQTT broker") from error
        except MfptError:
            await self._stop()
            raise

    def subscribe(self, *filters: str) -> None:
        """See Transport.subscribe."""
        self._client.subscribe([(topic_filter, QOS) for topic_filter in filters])

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See Transport.publish."""
        self._published += 1
        self._client.publish(topic, payload, QOS, retain=retain)

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        while not self._events:
            self._wake.clear()
            self._wake_is_due = False
            # The paho thread may have put an event in before it saw that a wake-up is due.
            if not self._events:
                await self._wake.wait()
        self._wake_is_due = False
        return [self._events.popleft() for _ in range(len(self._events))]

    async def flush(self, timeout: float) -> bool:
        """See Transport.flush."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    # A confirmation of earlier messages may still set the event: the count decides.
                    self._all_confirmed.clear()
                    if self._confirmed >= self._published:
                        return True
                    await self._all_confirmed.wait()
        except TimeoutError:
            return False

    async def close(self) -> None:
        """See Transport.close."""
        self._client.disconnect()
        await self._stop()

    async def _stop(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._client.loop_stop)

    def _put(self, event: Event) -> None:
        """Runs in the paho thread."""
        self._events.append(event)
        if not self._wake_is_due:
            self._wake_is_due = True
            self._call_soon(self._wake.set)

    def _answer(self, refusal: str) -> None:
        """Runs in the paho thread."""
        first = self._first_answer

        def settle() -> None:
            if first is not None and not first.done():
                first.set_result(refusal)

        self._call_soon(settle)

    def _call_soon(self, action: Callable[[], None]) -> None:
        """Runs in the paho thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(action)

    def _on_connect(
        self,
        _client: paho.Client,
        _data: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._answer(str(reason))
            return
        self._failed_attempts = 0
        self._put(Connected())
        self._answer("")

    def _on_connect_fail(self, _client: paho.Client, _data: object) -> None:
        self._failed_attempts += 1
        self._put(Disconnected("cannot reach the broker", self._failed_attempts))

    def _on_disconnect(
        self,
        _client: paho.Client,
        _data: object,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._put(Disconnected(str(reason), self._failed_attempts))
            self._answer(f"connection closed ({reason})")

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self._put(Inbound(message.topic, bytes(message.payload)))

    def _on_publish(
        self,
        _client: paho.Client,
        _data: object,
        _message_id: int,
        _reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        self._confirmed += 1
        if self._confirmed >= self._published:
            self._call_soon(self._all_confirmed.set)


def _send_at_once(_client: paho.Client, _data: object, sock: object) -> None:
    # Without this, a small message waits some 40 ms for the confirmation of the message before it.
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _refused(where: BrokerAddress, reason: str) -> MfptError:
    if "auth" in reason.lower() or "password" in reason.lower():
        return AuthenticationFailed(
            f"{where} refused the credentials ({reason}); give mqtt://user@host and the password in {PASSWORD_VARIABLE}"
        )
    return ConnectionFailed(f"{where} refused the connection: {reason}")
