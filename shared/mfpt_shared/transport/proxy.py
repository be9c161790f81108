"""HTTP proxies: the way to a broker from networks that let nothing through but the web (RFC 9110, section 9.3.6)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from mfpt_shared.errors import UsageError
from mfpt_shared.transport.address import BrokerAddress, redacted

DEFAULT_PORT: Final = 8080


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that connects to a broker when told `CONNECT`.

    Attributes:
        host: Name or address.
        port: TCP port.
        username: Name at the proxy; None: no login.
        password: Password of that user.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return the URL without user and password."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy leads to which broker.

    Attributes:
        tls: Proxy for brokers with TLS; None: a direct connection.
        plain: Proxy for brokers without TLS.
        direct: Hosts that are reached directly: names with all that end in them, addresses, or `*` for all.
        to_loopback: Whether a proxy may be asked for this machine itself.
    """

    tls: Proxy | None = None
    plain: Proxy | None = None
    direct: tuple[str, ...] = ()
    to_loopback: bool = False

    def to(self, address: BrokerAddress) -> Proxy | None:
        """Return the proxy that leads to a broker; None: none is needed."""
        host = address.host.lower().rstrip(".")
        if _is_loopback(host) and not self.to_loopback:
            return None
        if any(_covers(entry, host, address.port) for entry in self.direct):
            return None
        return self.tls if address.tls else self.plain


def parse_proxies(option: str | None, environment: Mapping[str, str]) -> Proxies:
    """Return which proxies to use.

    Args:
        option: What `--proxy` says: one proxy for everything. None: what the environment says counts.
        environment: Variables: `HTTPS_PROXY` for brokers with TLS, `ALL_PROXY` for all, `NO_PROXY` for hosts that need
            none, each in small letters as well. A variable that names a proxy of another kind is ignored.

    Raises:
        UsageError: The URL of a proxy makes no sense. The message does not show its password.
    """
    if option is not None:
        proxy = _parse(option, "--proxy")
        return Proxies(proxy, proxy, to_loopback=True)
    for_all, for_tls = _from(environment, "ALL_PROXY"), _from(environment, "HTTPS_PROXY")
    direct = _value(environment, "NO_PROXY").lower().replace(",", " ").split()
    return Proxies(for_tls or for_all, for_all, tuple(direct))


def _from(environment: Mapping[str, str], variable: str) -> Proxy | None:
    url = _value(environment, variable)
    if "://" in url and not url.startswith("http://"):
        return None
    return _parse(url, variable) if url else None


def _value(environment: Mapping[str, str], variable: str) -> str:
    return environment.get(variable.lower()) or environment.get(variable) or ""


def _parse(url: str, named: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or DEFAULT_PORT
        (host or "").encode("idna")  # as a name server would need it
    except ValueError:
        parts, host, port = urlsplit(""), None, 0
    if host is None or parts.scheme != "http" or parts.path.strip("/"):
        raise UsageError(f"{named} {redacted(url)!r} is not an HTTP proxy: give http://host:port") from None
    username, password = parts.username and unquote(parts.username), parts.password and unquote(parts.password)
    return Proxy(host, port, username, password)


def _covers(entry: str, host: str, port: int) -> bool:
    """Tell whether an entry of NO_PROXY means a host."""
    name, colon, only = entry.rpartition(":")
    if colon and only.isdecimal() and ":" not in name:
        if int(only) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    return not entry or host == entry or host.endswith(f".{entry}")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
