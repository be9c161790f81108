"""The door of a local page: who is let in, from where, with how much, and what a browser may do with what it gets.

Any web site that is open in the same browser can send requests to a server on this machine. What keeps them out:

* only the expected `Host` is answered, so that no other name can be made to point here (DNS rebinding);
* whatever a browser says came from another site is refused (`Origin`, and `Sec-Fetch-Site` where it is sent), and what
  changes something must say that it came from this page;
* nothing is answered without the cookie of a session, which only a link with a token gives.

Sources: RFC 9110, section 7.2 (Host); RFC 6454 (Origin); Fetch Metadata Request Headers, W3C; Content Security Policy
Level 3, W3C.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mfpt_shared.web.keys import Keys

BODY_BYTES: Final = 64 * 1024
"""Longest body of a request, unless its path takes more."""

_SAFE: Final = frozenset({"GET", "HEAD"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_POLICY: Final = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Door:
    """Where a page is, and who may come in.

    Attributes:
        hosts: What a request may name as its `Host`, such as `127.0.0.1:8470`.
        keys: Links and sessions.
        cookie: Name of the cookie; browsers keep cookies by host and not by port, so it should name the port.
        tls: Whether the page is served over TLS.
        how_to_enter: What whoever has no session is told, in one line.
        body_bytes: Longest body of a request.
        larger: Longest bodies of requests to single paths.
    """

    hosts: frozenset[str]
    keys: Keys
    cookie: str
    how_to_enter: str
    tls: bool = False
    body_bytes: int = BODY_BYTES
    larger: Mapping[str, int] = field(default_factory=dict)

    @property
    def origins(self) -> frozenset[str]:
        """What a request may name as its `Origin`."""
        return frozenset(f"{'https' if self.tls else 'http'}://{host}" for host in self.hosts)


class TooLong(HTTPException):
    """A body is longer than it said, or than it may be. Whatever of Starlette reads it answers with this."""

    def __init__(self, most: int) -> None:
        """Name the largest number of bytes."""
        super().__init__(413, f"This is too large: at most {most} bytes are taken here.\n")


class Guard:
    """Lets the requests through that its door allows, and refuses every other with a plain line."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI says."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        guarded = _with_headers(send)
        answer = self._refusal(scope["method"], headers) or self._entry(scope, headers)
        if answer is not None:
            await answer(scope, receive, guarded)
            return
        most = self._door.larger.get(scope["path"], self._door.body_bytes)
        if _length(headers) > most:
            answer = PlainTextResponse(TooLong(most).detail, 413)
            await answer(scope, receive, guarded)
            return
        await self._app(scope, _at_most(receive, most), guarded)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        """Return the answer to a request that does not come from this page; None: it does, or nobody's page sent it."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._door.hosts:
            return _refused(421, "This page does not answer to that host name.")
        if any(origin not in self._door.origins for origin in origins):
            return _refused(403, "Another page sent this request.")
        if method not in _SAFE and len(origins) != 1:
            return _refused(403, "It is not clear which page sent this request.")
        return None

    def _entry(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to who comes with a token, or without a session; None: there is a session."""
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if tokens and scope["method"] == "GET" and scope["path"] == "/":
            return self._entered(self._door.keys.enter(tokens[0]))
        # A link with a token may stand in any mail or chat; everything else is asked for by the page itself.
        if headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return _refused(403, "Another page sent this request.")
        if not self._door.keys.knows(_cookie(headers, self._door.cookie)):
            return _refused(401, self._door.how_to_enter)
        return None

    def _entered(self, cookie: str | None) -> Response:
        if cookie is None:
            return _refused(401, f"This link lets nobody in (any more). {self._door.how_to_enter}")
        # Not a redirect: one that begins in another site's page would not bring a strict cookie along.
        response = PlainTextResponse("One moment …", headers={"refresh": "0; url=/"})
        response.set_cookie(self._door.cookie, cookie, httponly=True, samesite="strict", secure=self._door.tls)
        return response


def cookie_of(headers: Headers, door: Door) -> str:
    """Return the cookie of the session that a request belongs to; empty: it brings none."""
    return _cookie(headers, door.cookie)


def _cookie(headers: Headers, name: str) -> str:
    # Not http.cookies, which finds nothing where another program at the same host has set a cookie that is none.
    return cookie_parser("; ".join(headers.getlist("cookie"))).get(name, "")


def _length(headers: Headers) -> int:
    said = headers.get("content-length", "0")
    return int(said) if said.isascii() and said.isdigit() else 0


def _refused(status: int, line: str) -> Response:
    return PlainTextResponse(f"{line}\n", status)


def _at_most(receive: Receive, most: int) -> Receive:
    """Return what receives a body as `receive` does, and ends with `TooLong` where it is longer than it may be."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise TooLong(most)
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    """Return what sends answers as `send` does, with what a browser must know about them."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sent
