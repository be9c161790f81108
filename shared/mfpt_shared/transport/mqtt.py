"""The MQTT transport: paho on one side, asyncio on the other. Only this module and `paho_client` import paho.

paho runs its own thread, which puts what it receives into a mailbox.
Only features of MQTT 3.1.1 are used, so that any broker will do.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Sequence
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from mfpt_shared.background import in_background
from mfpt_shared.errors import MfptError, TimedOut
from mfpt_shared.transport import failures
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import QOS, Connected, Disconnected, Event, Inbound, Qos, SubscriptionRefused, Will
from mfpt_shared.transport.mailbox import Mailbox
from mfpt_shared.transport.paho_client import new_client
from mfpt_shared.transport.proxy import Proxy
from mfpt_shared.transport.security import Security
from mfpt_shared.transport.subscriptions import Subscriptions

CONNECT_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 30
ASK_AGAIN_SECONDS: Final = 30.0
"""Time after which a subscription that was refused is asked for again."""
# MQTT 3.1.1, section 3.2.2.3, return codes 4 and 5, as paho names them.
BAD_CREDENTIALS: Final = ("Bad user name or password", "Not authorized")


class MqttTransport:
    """One client of an MQTT broker. See `base.Transport`."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        will: Will | None = None,
        persistent: bool = False,
        security: Security | None = None,
        proxy: Proxy | None = None,
        others: Sequence[BrokerAddress] = (),
    ) -> None:
        """Prepare a connection.

        Args:
            address: Address of the broker.
            client_id: MQTT client id, unique at the broker; a second connection with the same id ends the first.
            will: Message that the broker publishes when this side vanishes.
            persistent: Whether the broker queues messages for this client while it is away.
            security: Whom to believe if the address has TLS; None: the CAs of the system.
            proxy: Proxy that leads to the broker; None: a direct connection.
            others: The broker's further addresses, alike but for host and port. Where one is lost, the next is used.

        Raises:
            UsageError: A certificate or key of `security` cannot be read.
        """
        self._proxy = proxy
        self._mailbox = Mailbox()
        self._first_answer: asyncio.Future[MfptError | None] | None = None
        self._published = 0
        self._confirmed = 0
        self._unasked: set[int] = set()  # packet ids of messages with QoS 0 that are on their way
        self._sending = threading.RLock()
        self._all_confirmed = asyncio.Event()
        self._has_been_up = False
        self._is_up = False
        self._failed_attempts = 0
        self._refusal: str | None = None
        self._subscriptions = Subscriptions()
        self._asking_again: asyncio.TimerHandle | None = None
        self._client = client = new_client(
            (address, *others), client_id, security or Security(), proxy, persistent=persistent, seconds=CONNECT_SECONDS
        )
        if will is not None:
            client.will_set(will.topic, will.payload, QOS, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe

    async def connect(self) -> None:
        """See Transport.connect."""
        loop = asyncio.get_running_loop()
        self._mailbox.open(loop)
        self._first_answer = loop.create_future()
        where = self._client.address
        try:
            await in_background(lambda: self._client.connect(where.host, where.port, keepalive=KEEP_ALIVE_SECONDS))
        except OSError as error:
            raise failures.not_reached(where, self._proxy, error, CONNECT_SECONDS) from error
        self._client.loop_start()
        try:
            failure = await asyncio.wait_for(self._first_answer, CONNECT_SECONDS)
        except TimeoutError:
            failure = TimedOut(f"{where} accepted the connection, but does not answer as an MQTT broker")
        if failure is not None:
            await self._stop()
            raise failure

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe."""
        wanted: list[tuple[str, int]] = [(topic_filter, qos) for topic_filter in filters]
        _, number = self._client.subscribe(wanted)
        if number is not None:
            self._subscriptions.sent(number, filters, qos)

    def unsubscribe(self, *filters: str) -> None:
        """See Transport.unsubscribe; while the connection is down there is nothing to take back."""
        self._subscriptions.taken_back(filters)
        self._client.unsubscribe(list(filters))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """See Transport.publish."""
        if qos:
            self._published += 1
            self._client.publish(topic, payload, qos, retain=retain)
            return
        with self._sending:  # paho says that it is sent, and not what it was, maybe before its number is noted
            sent = self._client.publish(topic, payload, qos, retain=retain)
            if sent.rc == paho.MQTT_ERR_SUCCESS:
                self._unasked.add(sent.mid)

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        return await self._mailbox.take()

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
        if self._asking_again is not None:
            self._asking_again.cancel()
        # paho's thread may end between the two looks that `loop_stop` takes at it.
        with contextlib.suppress(AttributeError):
            await asyncio.to_thread(self._client.loop_stop)

    def _answer(self, failure: MfptError | None) -> None:
        """Runs in the paho thread."""
        first = self._first_answer

        def settle() -> None:
            if first is not None and not first.done():
                first.set_result(failure)

        self._mailbox.call_soon(settle)

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        if reason.is_failure:
            # paho says that it is disconnected as well, but not why.
            self._refusal = str(reason)
            self._answer(
                failures.refused(self._client.address, self._refusal, credentials=self._refusal in BAD_CREDENTIALS)
            )
            return
        self._unasked.clear()  # what was on its way over the connection before is lost
        self._is_up = self._has_been_up = True
        self._failed_attempts = 0
        self._mailbox.put(Connected())
        self._answer(None)

    def _on_connect_fail(self, _client: object, _data: object) -> None:
        self._failed_attempts += 1
        error = sys.exception()  # paho calls this while it handles the exception, and says no more itself
        reason = "cannot reach the broker"
        if isinstance(error, OSError):
            reason = str(failures.not_reached(self._client.address, self._proxy, error, CONNECT_SECONDS))
        self._mailbox.put(Disconnected(reason, self._failed_attempts))
        self._client.turn()

    def _on_disconnect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        refusal, self._refusal = self._refusal, None
        why = refusal or str(reason)
        if not self._is_up:
            self._failed_attempts += 1
            why = refusal or str(failures.closed(self._client.address, str(reason)))
        self._is_up = False
        if reason.is_failure and self._has_been_up:
            self._mailbox.put(Disconnected(why, self._failed_attempts, refusal in BAD_CREDENTIALS))
        self._answer(failures.closed(self._client.address, str(reason)))
        self._client.turn()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._mailbox.put(Inbound(message.topic, bytes(message.payload)))

    def _on_publish(self, _client: object, _data: object, number: int, _reason: object, _more: object) -> None:
        with self._sending:
            if number in self._unasked:
                self._unasked.remove(number)
                return
        self._confirmed += 1
        if self._confirmed >= self._published:
            self._mailbox.call_soon(self._all_confirmed.set)

    def _on_subscribe(
        self, _client: object, _data: object, number: int, reasons: Sequence[ReasonCode], _more: object
    ) -> None:
        # In the event loop: there, `subscribe` has noted the number by then.
        self._mailbox.call_soon(lambda: self._look_at(number, [reason.is_failure for reason in reasons]))

    def _look_at(self, number: int, refusals: Sequence[bool]) -> None:
        if refused := self._subscriptions.answered(number, refusals):
            self._mailbox.put(SubscriptionRefused(refused))
        if self._subscriptions.missing and self._asking_again is None:
            loop = asyncio.get_running_loop()
            self._asking_again = loop.call_later(ASK_AGAIN_SECONDS, self._ask_again)

    def _ask_again(self) -> None:
        """Subscribe once more to what was refused: a broker may have been busy, or rights may have changed."""
        self._asking_again = None
        for topic_filter, qos in tuple(self._subscriptions.missing.items()) if self._is_up else ():
            self.subscribe(topic_filter, qos=qos)
