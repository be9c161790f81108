"""What a monitor sees of a federation: its newest status, and whether its coordinator is there to change it.

What a broker keeps looks alive for ever. So the coordinator counts as online only while its beats are heard, and what
is known of the devices counts only as long as that.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, DecodeError
from mfpt_shared.keys import PublicKey
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Beat, CoordinatorState, FederationStatus
from mfpt_shared.transport.base import Connected, Disconnected, Event, Inbound, SubscriptionRefused

ONLINE_SECONDS: Final = 3.0
"""Time without a beat after which a coordinator does not count as online."""

Health = Literal["online", "silent", "offline"]
"""online: heard a moment ago; offline: it has said that it ends, or its last will has; silent: neither."""


class Unseen(ConnectionFailed):
    """Nothing at all can be seen of a federation."""

    def __init__(self, why: str, health: Health) -> None:
        """Take over what is told to people, and what that says of the coordinator."""
        super().__init__(why)
        self.health: Final = health

    def as_json(self) -> str:
        """Return a line of JSON: the health alone."""
        return msgspec.json.encode({"health": self.health, "heard_seconds_ago": None}).decode()


@dataclass(frozen=True, slots=True)
class Sight:
    """A federation at some moment.

    Attributes:
        status: Newest status that was published.
        said: What was last said of the coordinator.
        heard: Seconds since the coordinator was last heard; None: not since the monitor listens.
        listened: Seconds for which the monitor has listened.
        connected: Whether the broker can be reached.
    """

    status: FederationStatus
    said: Literal["online", "offline"]
    heard: float | None
    listened: float
    connected: bool = True

    @property
    def health(self) -> Health:
        """Whether the coordinator is there."""
        if self.said == "offline":
            return "offline"
        return "online" if self.heard is not None and self.heard <= ONLINE_SECONDS else "silent"

    @property
    def quiet(self) -> float:
        """Seconds for which nothing has been heard."""
        return self.listened if self.heard is None else self.heard

    @property
    def is_settled(self) -> bool:
        """Whether the health is known: a coordinator that has not been heard yet may only be between two beats."""
        return self.health != "silent" or self.quiet > ONLINE_SECONDS

    def in_words(self) -> str:
        """Return the health as a few words for people."""
        if self.health == "online":
            return "online"
        causes = [] if self.connected else ["the broker cannot be reached"]
        if self.quiet > ONLINE_SECONDS:
            causes.append(f"nothing heard for {self.quiet:.0f} s")
        return f"{self.health}: {', '.join(causes)}" if causes else self.health

    def phase_of(self, state: str, phase: str) -> str:
        """Return what a device is doing, as far as anybody knows."""
        return phase if self.health == "online" or state == "offline" else "unknown"

    def as_json(self) -> str:
        """Return a line of JSON: the status, and before it the health."""
        status: dict[str, Any] = msgspec.to_builtins(self.status, str_keys=True)
        for device in status["clients"]:
            device["phase"] = self.phase_of(device["state"], device["phase"])
            if device["phase"] == "unknown":
                device["state"] = "unknown"
        heard = None if self.heard is None else round(self.heard, 1)
        return msgspec.json.encode({"health": self.health, "heard_seconds_ago": heard, **status}).decode()


class Observer:
    """Collects what comes from a broker about a federation's coordinator. Times are in seconds, by a steady clock."""

    def __init__(self, federation: str, now: float) -> None:
        """Begin to listen now."""
        self._federation = federation
        self._began = now
        self._connected = True
        self._status: FederationStatus | None = None
        self._said: Literal["online", "offline"] | None = None
        self._signer: PublicKey | None = None
        self._heard: float | None = None
        self._newest = (0, 0)

    def take(self, event: Event, now: float) -> None:
        """Take notice of an event.

        Raises:
            AuthenticationFailed: The broker does not let this user read the status.
        """
        match event:
            case SubscriptionRefused():
                raise AuthenticationFailed(str(event))
            case Connected():
                self._connected = True
            case Disconnected():
                self._connected = False
            case Inbound():
                self._understand(event, now)

    def _understand(self, event: Inbound, now: float) -> None:
        try:
            received = understand(event.topic, event.payload, self._federation)
        except DecodeError:
            return
        if received is None:
            return
        match received.message:
            case FederationStatus() as status:
                self._status = status
            case CoordinatorState(state=said):
                if received.signer != self._signer:
                    self._newest = (0, 0)
                self._said, self._signer = said, received.signer
            case Beat(epoch=epoch, number=number) if received.signer == self._signer:
                if (epoch, number) > self._newest:  # and not one that came before, which anybody may have recorded
                    self._newest, self._heard = (epoch, number), now

    def sight(self, now: float) -> Sight | None:
        """Return what is seen now; None: the broker knows no such federation, or has not answered yet."""
        if self._status is None or self._said is None:
            return None
        heard = None if self._heard is None else now - self._heard
        return Sight(self._status, self._said, heard, now - self._began, self._connected)
