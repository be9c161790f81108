"""A transport without a thread of its own, so that one process can hold a thousand devices.

It behaves as `MqttTransport` does: it connects again after 1, 2, 4 … 30 s, and sends again what was not confirmed. What
is published with QoS 0 while the connection is down is lost.
"""

import asyncio
import contextlib
import itertools
from typing import Final

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, MfptError, TimedOut
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import (
    QOS,
    Connected,
    Disconnected,
    Event,
    Inbound,
    Qos,
    SubscriptionRefused,
    Will,
)
from mfpt_shared.transport.mqtt import ASK_AGAIN_SECONDS, CONNECT_SECONDS, KEEP_ALIVE_SECONDS
from mfpt_shared.transport.paho_client import MAX_RECONNECT_SECONDS
from mfpt_shared.transport.subscriptions import Subscriptions
from stub_federation import packets
from stub_federation.packets import Packet

_FIRST_PAUSE_SECONDS: Final = 1.0
_BAD_CREDENTIALS: Final = (4, 5)
_MOST_NUMBERS: Final = 65_535


class LightTransport:
    """One client of an MQTT broker, on plain TCP. See `mfpt_shared.transport.base.Transport`."""

    def __init__(self, address: BrokerAddress, client_id: str, *, will: Will | None = None) -> None:
        """Prepare a connection; see `MqttTransport`."""
        self._address = address
        self._hello = packets.connect(
            client_id,
            *(address.login or (None, None)),
            keep_alive=KEEP_ALIVE_SECONDS,
            will=None if will is None else (will.topic, will.payload),
        )
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._unconfirmed: dict[int, tuple[str, bytes, bool]] = {}
        self._numbers = itertools.count()
        self._subscriptions = Subscriptions()
        self._asking_again: asyncio.TimerHandle | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._life: asyncio.Task[None] | None = None
        self._all_confirmed = asyncio.Event()

    async def connect(self) -> None:
        """See Transport.connect."""
        reader = await self._open()
        self._life = asyncio.create_task(self._live(reader))

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe."""
        number = self._number()
        self._subscriptions.sent(number, filters, qos)
        self._write(packets.subscribe(number, filters, qos))

    def unsubscribe(self, *filters: str) -> None:
        """See Transport.unsubscribe."""
        self._subscriptions.taken_back(filters)
        self._write(packets.unsubscribe(self._number(), filters))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """See Transport.publish."""
        if not qos:
            self._write(packets.publish(topic, payload, retain=retain))
            return
        number = self._number()
        self._unconfirmed[number] = (topic, payload, retain)
        self._write(packets.publish(topic, payload, number, retain=retain))

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    async def flush(self, timeout: float) -> bool:
        """See Transport.flush."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._unconfirmed:
                    self._all_confirmed.clear()
                    await self._all_confirmed.wait()
        return not self._unconfirmed

    async def close(self) -> None:
        """See Transport.close."""
        self._write(packets.DISCONNECT)
        if self._asking_again is not None:
            self._asking_again.cancel()
        if self._life is not None:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _number(self) -> int:
        while True:
            number = next(self._numbers) % _MOST_NUMBERS + 1
            if number not in self._unconfirmed:
                return number

    def _write(self, data: bytes) -> None:
        if self._writer is not None:
            self._writer.write(data)

    async def _open(self) -> asyncio.StreamReader:
        """Connect, log in, and send again what was not confirmed."""
        where = self._address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(where.host, where.port)
                code = await self._log_in(reader, writer)
        except TimeoutError as error:
            raise TimedOut(f"no answer from {where} within {CONNECT_SECONDS:g} s") from error
        except (OSError, EOFError) as error:
            raise ConnectionFailed(f"cannot reach the broker at {where}: {error}") from error
        if code:
            kind = AuthenticationFailed if code in _BAD_CREDENTIALS else ConnectionFailed
            raise kind(f"{where} refused the connection (code {code})")
        self._writer = writer
        self._events.put_nowait(Connected())
        for number, (topic, payload, retain) in self._unconfirmed.items():
            self._write(packets.publish(topic, payload, number, retain=retain, again=True))
        return reader

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """Return the broker's answer, 0 for yes; without it, the connection is ended, not left open."""
        code: int | None = None
        try:
            writer.write(self._hello)
            code = (await reader.readexactly(4))[3]
            return code
        finally:
            if code != 0:
                writer.transport.abort()

    async def _live(self, reader: asyncio.StreamReader) -> None:
        """Listen; connect again whenever the connection is lost."""
        while True:
            reason = await self._listen(reader)
            if self._writer is not None:
                self._writer.transport.abort()
                self._writer = None
            self._events.put_nowait(Disconnected(reason, 0))
            reader = await self._open_again()

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        """Take packets until the connection is lost, and return why it was."""
        cut, pinging = packets.Reader(), asyncio.create_task(self._ping())
        try:
            async with asyncio.timeout(None) as silence:
                while True:
                    silence.reschedule(asyncio.get_running_loop().time() + 1.5 * KEEP_ALIVE_SECONDS)
                    data = await reader.read(1 << 16)
                    if not data:
                        return "the broker closed the connection"
                    for packet in cut.feed(data):
                        self._take(packet)
        except TimeoutError:
            return "the broker is silent"
        except OSError as error:
            return str(error)
        finally:
            pinging.cancel()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            self._write(packets.PING)

    async def _open_again(self) -> asyncio.StreamReader:
        pause = _FIRST_PAUSE_SECONDS
        for attempt in itertools.count(1):
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_RECONNECT_SECONDS)
            try:
                return await self._open()
            except MfptError as error:
                self._events.put_nowait(Disconnected(str(error), attempt, isinstance(error, AuthenticationFailed)))
        raise AssertionError("unreachable: the attempts are without end")

    def _take(self, packet: Packet) -> None:
        match packet.kind:
            case packets.PUBLISH:
                topic, payload, number = packets.read_publish(packet)
                self._events.put_nowait(Inbound(topic, payload))
                if number:
                    self._write(packets.puback(number))
            case packets.PUBACK:
                self._unconfirmed.pop(packets.number_of(packet.body), None)
                if not self._unconfirmed:
                    self._all_confirmed.set()
            case packets.SUBACK:
                refusals = [code == packets.REFUSED for code in packet.body[2:]]
                if refused := self._subscriptions.answered(packets.number_of(packet.body), refusals):
                    self._events.put_nowait(SubscriptionRefused(refused))
                if self._subscriptions.missing and self._asking_again is None:
                    loop = asyncio.get_running_loop()
                    self._asking_again = loop.call_later(ASK_AGAIN_SECONDS, self._ask_again)

    def _ask_again(self) -> None:
        self._asking_again = None
        for topic_filter, qos in tuple(self._subscriptions.missing.items()) if self._writer is not None else ():
            self.subscribe(topic_filter, qos=qos)
