"""Where a broker listens, and which user connects: `mqtt[s]://` or, over WebSockets, `ws[s]://`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from mfpt_shared.errors import UsageError

Scheme = Literal["mqtt", "mqtts", "ws", "wss"]

PORTS: Final[Mapping[Scheme, int]] = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
WEBSOCKET_PATH: Final = "/mqtt"
DEFAULT_USER: Final = "mfpt"
PASSWORD_VARIABLE: Final = "MFPT_BROKER_PASSWORD"  # noqa: S105 - the name of a variable

# Networks that let only web traffic through: what is as safe as the scheme that was asked for, and looks like the web.
_WEB_SCHEMES: Final[Mapping[Scheme, Scheme]] = {"mqtt": "ws", "mqtts": "wss"}
_BEFORE_USER: Final = re.compile(r"[A-Za-z0-9+.-]*:?/+")
_BETWEEN: Final = re.compile(rf" *, *(?=(?:{'|'.join(PORTS)}):/)")  # a comma may be part of a password
_PORT_AND_PATH: Final = re.compile(r"[0-9]*(/.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens, and which user connects.

    Attributes:
        host: Name or address, IPv6 without brackets.
        port: TCP port.
        scheme: `mqtt` or `ws` in the clear, `mqtts` or `wss` over TLS; the two `ws` are WebSockets.
        username: Name at the broker; None: `usual_user`, or `mfpt` if there is a password, or no login.
        password: Password of that user.
        path: Path of the WebSocket; other schemes ignore it.
        usual_user: Name at the broker of whoever connects, where the address names none; it is not shown.
    """

    host: str
    port: int
    scheme: Scheme = "mqtt"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    path: str = WEBSOCKET_PATH
    usual_user: str | None = field(default=None, compare=False, repr=False)

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme in ("mqtts", "wss")

    @property
    def websocket(self) -> bool:
        """Whether MQTT travels in a WebSocket."""
        return self.scheme in ("ws", "wss")

    @property
    def login(self) -> tuple[str, str | None] | None:
        """User and password to log in with; None: none are needed."""
        user = self.username or self.usual_user or (DEFAULT_USER if self.password else None)
        return None if user is None else (user, self.password)

    def __str__(self) -> str:
        """Return the URL without the password."""
        user = f"{quote(self.username, safe='')}@" if self.username else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{host}:{self.port}{self.path if self.websocket else ''}"


def parse_broker(url: str, environment: Mapping[str, str] | None = None) -> BrokerAddress:
    """Take a broker URL apart: `(mqtt|mqtts|ws|wss)://[user[:password]@]host[:port][/path]`.

    Args:
        url: URL; without a port, the port is 1883, 8883, 80 or 443. Only `ws` and `wss` have a path.
        environment: Variables, among which `MFPT_BROKER_PASSWORD` is the password if the URL has none.

    Raises:
        UsageError: The URL is not of that form. The message does not show its password.
    """
    parts = _split(url)
    scheme = _scheme(parts)
    if parts is None or scheme is None:
        # No cause: the error of the library would show the URL.
        raise UsageError(
            f"{redacted(url)!r} is not a broker address: give mqtt://host:port, mqtts://user@host:port or "
            "wss://host:port/path"
        ) from None
    password = unquote(parts.password) if parts.password else (environment or {}).get(PASSWORD_VARIABLE) or None
    username = unquote(parts.username) if parts.username else None
    path = parts.path if parts.path.strip("/") else WEBSOCKET_PATH
    return BrokerAddress(parts.hostname or "", parts.port or PORTS[scheme], scheme, username, password, path)


def parse_candidates(urls: str, environment: Mapping[str, str] | None = None) -> tuple[BrokerAddress, ...]:
    """Return the addresses to try for a broker, in order.

    A URL with `mqtt` or `mqtts` and no port stands for the port of the web as well, where 1883 and 8883 are closed:
    80 for `mqtt`, 443 for `mqtts`. What was asked for in the clear is never tried with TLS, nor the other way round.

    Args:
        urls: URL of the broker; where it is a cluster, those of its nodes, with commas between them.
        environment: See `parse_broker`.

    Raises:
        UsageError: See `parse_broker`; or the URLs differ in more than host and port.
    """
    named = {parse_broker(url, environment): url for url in _BETWEEN.split(urls)}
    asked = tuple(named)
    for other in asked[1:]:
        if replace(other, host=asked[0].host, port=asked[0].port) != asked[0]:
            raise UsageError(
                f"{asked[0]} and {other} are not nodes of one broker: give addresses that differ in host and port alone"
            )
    web = _WEB_SCHEMES.get(asked[0].scheme)
    portless = [one for one, url in named.items() if urlsplit(url).port is None]
    return asked if web is None else (*asked, *(replace(one, scheme=web, port=PORTS[web]) for one in portless))


def redacted(url: str) -> str:
    """Return a URL, however malformed, with `***` in place of user and password, and of what may be either."""
    found = _BEFORE_USER.match(url)
    start = url[: found.end()] if found else ""
    _, at, place = url[len(start) :].rpartition("@")
    return f"{start}{at and '***@'}{_without_odd_port(place)}"


def _without_odd_port(place: str) -> str:
    """Return `host:port/path` with `***` for a port that is no number: it may be the password of a URL without a host.

    What comes after `?` or `#` has no place in a URL of a broker, and may be anything.
    """
    place = re.split(r"[?#]", place)[0]
    if place.startswith("["):
        return place
    host, colon, port = place.partition(":")
    return place if _PORT_AND_PATH.fullmatch(port) else f"{host}{colon}***"


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if they cannot be told."""
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")  # as a name server would need it
        readable = parts.port != 0
    except ValueError:
        return None
    return parts if readable else None


def _scheme(parts: SplitResult | None) -> Scheme | None:
    """Return the scheme of a URL if a broker's URL may look like that."""
    # An @ in the path is a password with a slash in it.
    if parts is None or not parts.hostname or parts.query or parts.fragment or "@" in parts.path:
        return None
    scheme = next((known for known in PORTS if known == parts.scheme), None)
    return None if scheme in _WEB_SCHEMES and parts.path.strip("/") else scheme
