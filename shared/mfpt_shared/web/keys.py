"""Who may open a page: links that let a browser in, and the sessions of the browsers that came in."""

import hmac
import secrets
from collections.abc import Callable
from typing import Final, TypeVar

ValueT = TypeVar("ValueT")

_MOST: Final = 64
"""Links, and sessions, that are known at once; the oldest go first."""


class Keys:
    """Links and sessions of one page. All are random, and forgotten when the process ends.

    Args:
        clock: Seconds that never run backwards.
        session_seconds: How long a browser stays in after it came.
    """

    def __init__(self, clock: Callable[[], float], session_seconds: float = 30 * 86_400) -> None:
        self._clock = clock
        self._session_seconds = session_seconds
        self._links: dict[bytes, tuple[float, bool]] = {}
        self._sessions: dict[bytes, float] = {}

    def new_link(self, seconds: float | None = None, *, once: bool = False) -> str:
        """Return a token that lets a browser in.

        Args:
            seconds: How long it does; None: as long as the process runs.
            once: Whether it lets in one browser only.
        """
        until = float("inf") if seconds is None else self._clock() + seconds
        return _added(self._links, (until, once))

    def enter(self, token: str) -> str | None:
        """Return the cookie of a new session for whoever brings a token; None: the token lets nobody in."""
        known = _same(self._links, token)
        if known is None:
            return None
        until, once = self._links[known]
        if once or self._clock() >= until:
            del self._links[known]
        if self._clock() >= until:
            return None
        return _added(self._sessions, self._clock() + self._session_seconds)

    def knows(self, cookie: str) -> bool:
        """Tell whether a cookie is one of a session that lasts."""
        known = _same(self._sessions, cookie)
        return known is not None and self._clock() < self._sessions[known]

    def leave(self, cookie: str) -> None:
        """End the session of a cookie, if there is one."""
        known = _same(self._sessions, cookie)
        if known is not None:
            del self._sessions[known]


def _added(known: dict[bytes, ValueT], value: ValueT) -> str:
    secret = secrets.token_urlsafe(24)
    while len(known) >= _MOST:
        del known[next(iter(known))]
    known[secret.encode()] = value
    return secret


def _same(known: dict[bytes, ValueT], given: str) -> bytes | None:
    """Return the secret that was given; how long this takes does not tell how much of one is right."""
    wanted = given.encode(errors="replace")
    found = [secret for secret in known if hmac.compare_digest(secret, wanted)]
    return found[0] if found else None
