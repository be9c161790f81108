"""Where the operator's page is served, and what `serve` needs of whatever serves it."""

import datetime
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_coord.access.certificate import make_certificate
from mfpt_coord.server.broker_config import Certificate, Listen
from mfpt_coord.server.config import ServeConfig
from mfpt_coord.server.data_folder import DATABASE_FILE, PAGE_CERTIFICATE_FILE, PAGE_KEY_FILE
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.reach import EVERYWHERE, is_loopback, own_address
from mfpt_shared.atomic import write_durably
from mfpt_shared.keys import SigningKey

WEB_PORT: Final = 8470
_HTTP_PORT: Final = 80
_HTTPS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class WebSetting:
    """Where a page is served, and from what.

    Attributes:
        listen: Where it listens; port 0 takes a free one.
        names: Names and addresses under which browsers may ask for it, the one that links name first.
        place: Path of the database, or URL of one in PostgreSQL.
        certificate: Certificate to serve TLS with; None: plain HTTP, on this machine alone.
    """

    listen: Listen
    names: tuple[str, ...]
    place: Path | str
    certificate: Certificate | None = None

    def hosts(self, port: int) -> frozenset[str]:
        """Return what a browser may name as the host of a request, for the port that is listened on."""
        names = [f"[{name}]" if ":" in name else name.lower() for name in self.names]
        usual = names if port == (_HTTP_PORT if self.certificate is None else _HTTPS_PORT) else []
        return frozenset([*usual, *(f"{name}:{port}" for name in names)])

    def address(self, port: int) -> str:
        """Return the address of the page, without a token."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{Listen(self.names[0], port)}/"


Page = Callable[[Operator, WebSetting], AbstractAsyncContextManager[Callable[[], Awaitable[str]]]]
"""Serves a page until its context ends, and gives what makes links that let one browser in."""


def web_setting(config: ServeConfig, key: SigningKey, listen: Listen) -> WebSetting:
    """Return where the page is served; elsewhere than on this machine alone it gets a certificate, if it has none.

    Args:
        config: What the command line asks for.
        key: The coordinator's key, which signs the certificate.
        listen: Where the page is to listen.
    """
    place = config.store or config.data_dir / DATABASE_FILE
    if is_loopback(listen.host):
        return WebSetting(listen, tuple(dict.fromkeys((listen.host, "127.0.0.1", "localhost", "::1"))), place)
    own = [own_address(), socket.gethostname()] if listen.host in EVERYWHERE else [listen.host]
    names = tuple(dict.fromkeys([*own, *(one.host for one in config.advertised), "127.0.0.1", "localhost", "::1"]))
    return WebSetting(listen, names, place, config.offer.certificate or _certificate(config.data_dir, key, names))


def _certificate(data_dir: Path, key: SigningKey, names: tuple[str, ...]) -> Certificate:
    chain, private = make_certificate(key, names, datetime.datetime.now(datetime.UTC))
    made = Certificate(data_dir / PAGE_CERTIFICATE_FILE, data_dir / PAGE_KEY_FILE)
    write_durably(made.chain, chain)
    write_durably(made.key, private)
    return made
