"""Which connections at the broker belong to whom, so that they can be cut."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MOST_CONNECTIONS: Final = 64
"""Connections of one user at the same time: a device has one, an invitation as many as people join with it at once."""


class Place(NamedTuple):
    """A connection.

    Attributes:
        server: Id of the server.
        number: Number of the connection there, which no later one gets.
    """

    server: str
    number: int


@dataclass(slots=True)
class Connections:
    """The latest connections of every user. Nobody tells when they end: some are of the past."""

    _by_user: dict[str, deque[Place]] = field(default_factory=dict)

    def add(self, user: str, place: Place) -> list[Place]:
        """Note a connection, and return those that the user has to give up for it."""
        places = self._by_user.setdefault(user, deque())
        places.append(place)
        return [places.popleft()] if len(places) > MOST_CONNECTIONS else []

    def has(self, user: str, place: Place) -> bool:
        """Tell whether a connection is one of a user's latest."""
        return place in self._by_user.get(user, ())

    def take(self, user: str) -> list[Place]:
        """Forget a user, and return the connections that may still be there."""
        return list(self._by_user.pop(user, ()))

    def clear(self) -> None:
        """Forget everybody: the server has been started again."""
        self._by_user.clear()
