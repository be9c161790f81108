"""A broker in virtual time whose messages get lost, doubled, late and overtaken; `rough_transport` has its clients.

What it delivers may overtake anything: brokers keep no order between topics.
"""

import asyncio
import random
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from mfpt_shared.transport.base import Inbound, Qos
from mfpt_shared.transport.in_process import matches


@dataclass
class Weather:
    """What may happen to one message on one hop.

    Attributes:
        latency: Longest usual time on the way, seconds.
        lost: Probability that the broker does not deliver it although the connection stands.
        doubled: Probability that it arrives twice.
        late: Probability that it takes up to `late_seconds`.
    """

    latency: float = 0.01
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    late_seconds: float = 20.0

    def clears(self) -> None:
        """Lose, double and delay nothing more."""
        self.lost = self.doubled = self.late = 0.0


@dataclass(eq=False)
class Message:
    """A publish on its way to the broker."""

    topic: str
    payload: bytes
    retain: bool


class Hearing(IntEnum):
    """Whether the broker delivers what it takes and confirms, and what cures it if it does not."""

    GOOD = 0
    DEAF_UNTIL_A_RESTART = 1
    DEAF_UNTIL_A_FRESH_FOLDER = 2


class Client(Protocol):
    """What the broker knows of a client."""

    filters: dict[str, Qos]
    queue: list[Inbound]

    @property
    def is_up(self) -> bool:
        """Whether the connection stands."""

    def deliver(self, inbound: Inbound, qos: Qos) -> None:
        """Send it a message."""

    def cut(self, *, publish_will: bool = True) -> None:
        """Let it lose the connection."""

    def ends(self) -> None:
        """Let nothing of it arrive any more."""

    def publish_will_now(self) -> None:
        """Publish its will, if that is due."""


@dataclass
class RoughBroker:
    """The broker."""

    loop: asyncio.AbstractEventLoop
    rng: random.Random
    weather: Weather
    running: bool = True
    hearing: Hearing = Hearing.GOOD
    retained: dict[str, bytes] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)

    def copies(self, *, may_be_lost: bool) -> int:
        """Return how often the next message arrives."""
        if may_be_lost and self.rng.random() < self.weather.lost:
            return 0
        return 2 if self.rng.random() < self.weather.doubled else 1

    def delay(self) -> float:
        """Return how long the next message takes, seconds."""
        is_late = self.rng.random() < self.weather.late
        return self.rng.uniform(0, self.weather.late_seconds if is_late else self.weather.latency)

    def take(self, message: Message) -> None:
        """Keep and deliver what a client published; if it is deaf, do neither."""
        if self.hearing is not Hearing.GOOD:
            return
        if message.retain:
            self.retained[message.topic] = message.payload
            if not message.payload:
                del self.retained[message.topic]
        for client in list(self.clients.values()):
            qualities = [qos for wanted, qos in client.filters.items() if matches(wanted, message.topic)]
            if qualities:
                client.deliver(Inbound(message.topic, message.payload), max(qualities))

    def stop(self, *, forgets: bool = False) -> None:
        """End at once, as if killed; with a fresh folder it also forgets what it has kept."""
        self.running = False
        for client in self.clients.values():
            client.cut(publish_will=False)
            if forgets:
                client.queue.clear()
        if forgets:
            self.retained.clear()
        if forgets or self.hearing is Hearing.DEAF_UNTIL_A_RESTART:
            self.hearing = Hearing.GOOD

    def start(self) -> None:
        """Run again."""
        self.running = True
