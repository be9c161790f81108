"""What this run of the coordinator has the broker keep, and whether something else has taken its place.

A broker hands on what is published on a topic in the order in which it keeps it. So once a message has come back, the
broker keeps it, and whatever comes on the same topic afterwards has replaced it. Before that, what comes may be older.
"""

import hashlib
from typing import Literal

Fate = Literal["own", "older", "replacing"]
"""own: what was published last; older: it may have reached the broker before that; replacing: it came after that."""


class Kept:
    """The retained messages of this run, by topic."""

    def __init__(self) -> None:
        """Begin with none."""
        self._digests: dict[str, bytes] = {}
        self._confirmed: set[str] = set()

    def published(self, path: str, payload: bytes) -> None:
        """Note that the broker is to keep a payload on a full topic from now on."""
        self._digests[path] = _digest(payload)
        self._confirmed.discard(path)

    def fate(self, path: str, payload: bytes) -> Fate:
        """Take notice of what came on a full topic, and say what it is to this run's own message."""
        if self._digests.get(path) == _digest(payload):
            self._confirmed.add(path)
            return "own"
        if path not in self._confirmed:
            return "older"
        self._confirmed.discard(path)
        return "replacing"


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()
