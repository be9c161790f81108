"""A broker inside the process: retained messages, wildcards and last wills, without a socket."""

import asyncio

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.transport.base import QOS, Connected, Disconnected, Event, Inbound, Qos, Will


class MemoryBroker:
    """Delivers every message at once, in order. Set `running` to False to refuse connections."""

    def __init__(self) -> None:
        self.running = True
        self.retained: dict[str, bytes] = {}
        self.sessions: list[MemoryTransport] = []

    def deliver(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Hand a message to all subscribers; an empty retained payload removes the retained message."""
        if retain:
            self.retained[topic] = payload
            if not payload:
                del self.retained[topic]
        for session in self.sessions:
            if any(matches(wanted, topic) for wanted in session.filters):
                session.put(Inbound(topic, payload))

    def drop(self, session: "MemoryTransport") -> None:
        """Cut a connection as a dead network would: the client notices, and its will is published."""
        self.sessions.remove(session)
        session.put(Disconnected("connection lost", 0))
        if session.will is not None:
            self.deliver(session.will.topic, session.will.payload, retain=True)


class MemoryTransport:
    """One client of a MemoryBroker. See `base.Transport`."""

    def __init__(self, broker: MemoryBroker, will: Will | None = None) -> None:
        self.will = will
        self.filters: set[str] = set()
        self._broker = broker
        self._waiting: list[tuple[str, bytes, bool]] = []
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def put(self, event: Event) -> None:
        """Take an event from the broker."""
        self._events.put_nowait(event)

    async def connect(self) -> None:
        """See Transport.connect."""
        if not self._broker.running:
            raise ConnectionFailed("the broker in this process is not running")
        self.filters.clear()
        self._broker.sessions.append(self)
        self.put(Connected())
        waiting, self._waiting = self._waiting, []
        for topic, payload, retain in waiting:
            self._broker.deliver(topic, payload, retain=retain)

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe; here everything is delivered exactly once."""
        del qos
        self.filters.update(filters)
        for topic, payload in list(self._broker.retained.items()):
            if any(matches(wanted, topic) for wanted in filters):
                self.put(Inbound(topic, payload))

    def unsubscribe(self, *filters: str) -> None:
        """See Transport.unsubscribe."""
        self.filters.difference_update(filters)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """See Transport.publish."""
        del qos  # nothing is lost within a process
        if self in self._broker.sessions:
            self._broker.deliver(topic, payload, retain=retain)
        else:
            self._waiting.append((topic, payload, retain))

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    async def flush(self, timeout: float) -> bool:
        """See Transport.flush."""
        return not self._waiting

    async def close(self) -> None:
        """See Transport.close."""
        if self in self._broker.sessions:
            self._broker.sessions.remove(self)


def matches(topic_filter: str, path: str) -> bool:
    """Tell whether a topic filter with `+` and `#` covers a topic. Source: MQTT 3.1.1, section 4.7."""
    wanted, given = topic_filter.split("/"), path.split("/")
    if path.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(given) or level not in ("+", given[position]):
            return False
    return len(wanted) == len(given)
