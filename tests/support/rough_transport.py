"""A client of a rough broker, in virtual time.

What it publishes stays in order on its connection, and is sent again over the next one until it is confirmed. Source:
MQTT 3.1.1, section 4.4.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.transport.base import QOS, Connected, Disconnected, Event, Inbound, Qos, Will
from mfpt_shared.transport.in_process import matches
from mfpt_shared.transport.mailbox import Mailbox
from support.mortal import Life
from support.rough_broker import Message, RoughBroker

RECONNECT_SECONDS: Final = 1.0
TICK: Final = 1e-6
NOTICED_SECONDS: Final = 5.0
"""Longest time after which the broker knows that a connection is dead, and publishes the will."""


class RoughTransport:
    """One client. See `base.Transport`."""

    def __init__(
        self, broker: RoughBroker, name: str, life: Life, *, will: Will | None = None, persistent: bool = False
    ) -> None:
        self.filters: dict[str, Qos] = {}
        self.queue: list[Inbound] = []
        self._broker = broker
        self._name = name
        self._life = life
        self._will = will
        self._persistent = persistent
        self._connection = 0
        self._is_up = False
        self._unconfirmed: list[Message] = []
        self._newest_arrival = 0.0
        self._arrives_until = 0.0
        self._due_will: Will | None = None
        self._is_closed = False
        self._mailbox = Mailbox()
        life.mourn(self._vanish)

    @property
    def is_up(self) -> bool:
        """Whether the connection stands."""
        return self._is_up

    async def connect(self) -> None:
        """See Transport.connect."""
        self._mailbox.open(self._broker.loop)
        await asyncio.sleep(self._broker.rng.uniform(0, 0.1))
        if not self._broker.running:
            raise ConnectionFailed("the broker is not running")
        self._connects()

    def _connects(self) -> None:
        before = self._broker.clients.get(self._name)
        if before is not None and before is not self:
            before.cut()
            before.publish_will_now()
            before.ends()
            if self._persistent:
                self.queue, self.filters = before.queue, before.filters
        self.publish_will_now()
        self._broker.clients[self._name] = self
        self._connection += 1
        self._is_up = True
        self._newest_arrival = 0.0
        if not self._persistent:
            self.filters.clear()
        self._mailbox.put(Connected())
        waiting, self.queue = self.queue, []
        for inbound in waiting:
            self.deliver(inbound)
        for message in self._unconfirmed:
            self._carry(message)

    def cut(self, *, publish_will: bool = True) -> None:
        """Lose the connection and what is on its way; the transport keeps trying."""
        if not self._is_up:
            return
        self._is_up = False
        self._due_will = self._will if publish_will else None
        self._broker.loop.call_later(self._broker.rng.uniform(0, NOTICED_SECONDS), self.publish_will_now)
        if not self._life.is_over:
            self._mailbox.put(Disconnected("connection lost", 0))
            self._broker.loop.call_later(RECONNECT_SECONDS, self._try_again)

    def ends(self) -> None:
        """Let nothing more arrive: another connection has the same name."""
        self._arrives_until = 0.0

    def publish_will_now(self) -> None:
        """Publish the will of a lost connection, once."""
        will, self._due_will = self._due_will, None
        if will is not None and self._broker.running:
            self._broker.take(Message(will.topic, will.payload, retain=True))

    def _try_again(self) -> None:
        if self._life.is_over or self._is_up or self._is_closed:
            return
        if self._broker.running:
            self._connects()
        else:
            self._mailbox.put(Disconnected("the broker is not running", 1))
            self._broker.loop.call_later(RECONNECT_SECONDS, self._try_again)

    def _vanish(self) -> None:
        """The process has been killed: the system sends what it still has, or a part, and closes the connection."""
        now, rng = self._broker.loop.time(), self._broker.rng
        self._arrives_until = rng.choice([now, rng.uniform(now, max(now, self._newest_arrival)), self._newest_arrival])
        self.cut()
        if not self._persistent:
            self.filters.clear()

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe."""
        self._life.check()

        def take() -> None:
            self.filters.update(dict.fromkeys(filters, qos))
            for topic, payload in list(self._broker.retained.items()):
                if any(matches(wanted, topic) for wanted in filters):
                    self.deliver(Inbound(topic, payload), qos)

        self._at_broker(take)

    def unsubscribe(self, *filters: str) -> None:
        """See Transport.unsubscribe."""
        self._life.check()
        self._at_broker(lambda: [self.filters.pop(one, None) for one in filters])

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """See Transport.publish."""
        what = topic.rsplit("/", 1)[-1]
        self._life.passes(f"before a publish to {what}")
        message = Message(topic, payload, retain)
        if qos:
            self._unconfirmed.append(message)
        self._carry(message)
        self._life.passes(f"after a publish to {what}")

    def _carry(self, message: Message) -> None:
        connection, copies = self._connection, self._broker.copies(may_be_lost=False)

        def arrive() -> None:
            for _ in range(copies):
                self._broker.take(message)
            self._broker.loop.call_later(self._broker.delay(), confirm)

        def confirm() -> None:
            if connection == self._connection and self._is_up and message in self._unconfirmed:
                self._unconfirmed.remove(message)

        self._at_broker(arrive)

    def _at_broker(self, action: Callable[[], object]) -> None:
        """Do something when a packet of the connection as it is now arrives, after all packets before it."""
        if not self._is_up:
            return
        connection, loop = self._connection, self._broker.loop
        self._newest_arrival = max(self._newest_arrival + TICK, loop.time() + self._broker.delay())

        def arrive() -> None:
            if connection == self._connection and (self._is_up or loop.time() <= self._arrives_until):
                action()

        loop.call_at(self._newest_arrival, arrive)

    def deliver(self, inbound: Inbound, qos: Qos = QOS) -> None:
        """Send a message to the client; what does not arrive waits for a persistent one, and is lost for another."""
        connection, waits = self._connection, self._persistent and qos > 0

        def arrive() -> None:
            if connection == self._connection and self._is_up:
                self._mailbox.put(inbound)
            elif waits:
                successor = self._broker.clients.get(self._name, self)
                successor.queue.append(inbound) if not successor.is_up else successor.deliver(inbound, qos)

        if not self._is_up and waits:
            self.queue.append(inbound)
            return
        for _ in range(self._broker.copies(may_be_lost=True)):
            self._broker.loop.call_later(self._broker.delay(), arrive)

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        return await self._mailbox.take()

    async def flush(self, timeout: float) -> bool:
        """See Transport.flush."""
        ends = self._broker.loop.time() + timeout
        while self._unconfirmed and self._broker.loop.time() < ends:
            await asyncio.sleep(0.05)
        return not self._unconfirmed

    async def close(self) -> None:
        """See Transport.close."""
        self._is_up, self._is_closed = False, True
        self._due_will = None
        if self._broker.clients.get(self._name) is self:
            del self._broker.clients[self._name]
