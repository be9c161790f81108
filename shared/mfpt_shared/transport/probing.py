"""The way to a broker, tried step by step instead of all at once: which step fails says more than that it failed.

Nothing is said over these connections: they are opened, go as far as TLS, and are closed.
"""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final, NamedTuple

import socks
from cryptography import x509

from mfpt_shared.background import in_background
from mfpt_shared.errors import ConnectionFailed, MfptError
from mfpt_shared.transport import failures
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.proxy import Proxy
from mfpt_shared.transport.security import Security

STEP_SECONDS: Final = 5.0
"""Longest time that a step may take."""
_LONGEST_HEAD: Final = 16_384
_DATE: Final = re.compile(rb"^date:[ \t]*([^\r\n]{1,40})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """An address of the Internet.

    Attributes:
        family: `socket.AF_INET` or `socket.AF_INET6`.
        ip: The address as text.
        port: TCP port.
    """

    family: socket.AddressFamily
    ip: str
    port: int

    def __str__(self) -> str:
        """Return address and port, as they are written."""
        return f"[{self.ip}]:{self.port}" if self.family == socket.AF_INET6 else f"{self.ip}:{self.port}"


class Encrypted(NamedTuple):
    """What a server has shown in TLS.

    Attributes:
        version: Version of TLS.
        begins: When its certificate becomes valid.
        ends: When that ends.
        is_pinned: Whether it is believed for a pinned key; or else for a CA.
    """

    version: str
    begins: datetime
    ends: datetime
    is_pinned: bool


async def places_of(host: str, port: int) -> tuple[Place, ...]:
    """Return the addresses of a host, each once, in the order in which they would be tried.

    Raises:
        ConnectionFailed: The name is not known, or no name server answers.
    """
    looking = in_background(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    try:
        found = await asyncio.wait_for(looking, STEP_SECONDS)
    except TimeoutError as error:
        raise ConnectionFailed(f"no name server has answered for {host} within {STEP_SECONDS:g} s") from error
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConnectionFailed(f"no address is known for {host} ({reason or error})") from error
    known = (socket.AF_INET, socket.AF_INET6)
    return tuple(dict.fromkeys(Place(family, str(at[0]), port) for family, _, _, _, at in found if family in known))


async def why_closed(place: Place) -> OSError | None:
    """Try to open a port, and return why that does not succeed; None: it does."""
    try:
        await in_background(lambda: socket.create_connection((place.ip, place.port), STEP_SECONDS).close())
    except OSError as error:  # TimeoutError is one
        return error
    return None


async def try_proxy(address: BrokerAddress, proxy: Proxy) -> None:
    """Let a proxy connect to a broker.

    Raises:
        ConnectionFailed: It does not.
        TimedOut: No answer came.
    """
    try:
        await in_background(lambda: _opened(address, proxy).close())
    except OSError as error:
        raise failures.not_reached(address, proxy, error, STEP_SECONDS) from error


async def encrypted(address: BrokerAddress, proxy: Proxy | None, security: Security) -> Encrypted:
    """Return what a server shows in TLS, if it is believed.

    Args:
        address: Where it listens.
        proxy: Proxy on the way; None: a direct connection.
        security: Whom to believe.

    Raises:
        WrongCertificate: It is not believed.
        ConnectionFailed: It does not speak TLS, or not with this side.
        TimedOut: No answer came.
    """
    first: MfptError | None = None
    for way in security.alternatives():
        try:
            return await in_background(partial(_shown, address, proxy, way))
        except OSError as error:
            first = first or failures.not_reached(address, proxy, error, STEP_SECONDS)
    assert first is not None, "there is at least one way"
    raise first


async def time_of_web_server(address: BrokerAddress, proxy: Proxy | None, security: Security) -> float | None:
    """Return what a web server in front of a broker says the time is, Unix seconds; None: it does not say it.

    Args:
        address: Where it listens, for WebSockets.
        proxy: Proxy on the way; None: a direct connection.
        security: Whom to believe; one way that holds.
    """
    try:
        return _date_in(await in_background(partial(_head_of, address, proxy, security)))
    except OSError:
        return None


def _head_of(address: BrokerAddress, proxy: Proxy | None, security: Security) -> bytes:
    """Ask a web server for a page, and return the head of its answer, whatever that is. Source: RFC 9110, 6.6.1."""
    question = f"HEAD {address.path} HTTP/1.1\r\nHost: {address.host}\r\nConnection: close\r\n\r\n"
    with _opened(address, proxy) as plain:
        connection = security.context().wrap_socket(plain, server_hostname=address.host) if address.tls else plain
        with connection:
            connection.sendall(question.encode("ascii"))
            head = b""
            while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD and (more := connection.recv(4096)):
                head += more
            return head


def _date_in(head: bytes) -> float | None:
    found = _DATE.search(head)
    try:
        return None if found is None else parsedate_to_datetime(found[1].decode("ascii")).timestamp()
    except ValueError:  # UnicodeDecodeError is one
        return None


def _opened(address: BrokerAddress, proxy: Proxy | None) -> socket.socket:
    there = (address.host, address.port)
    if proxy is None:
        return socket.create_connection(there, STEP_SECONDS)
    connection: socket.socket = socks.create_connection(
        there,
        STEP_SECONDS,
        proxy_type=socks.HTTP,
        proxy_addr=proxy.host,
        proxy_port=proxy.port,
        proxy_username=proxy.username,
        proxy_password=proxy.password,
    )
    return connection


def _shown(address: BrokerAddress, proxy: Proxy | None, security: Security) -> Encrypted:
    context = security.context()
    with _opened(address, proxy) as plain, context.wrap_socket(plain, server_hostname=address.host) as connection:
        shown = connection.getpeercert(binary_form=True)
        if shown is None:
            raise ssl.SSLError("the server has shown no certificate")
        certificate = x509.load_der_x509_certificate(shown)
        version = connection.version() or "TLS"
        pinned = security.pinned is not None or security.exact is not None
        return Encrypted(version, certificate.not_valid_before_utc, certificate.not_valid_after_utc, pinned)
