"""How the coordinator and its devices reach the broker, and whether it is open to devices that nobody invited."""

import ipaddress
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from mfpt_coord.access.accounts import Credentials, digest
from mfpt_coord.access.desk import Desk, OpenHouse
from mfpt_coord.core.payloads import largest_payload
from mfpt_coord.core.state import State
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.broker_config import BrokerOptions, Listen
from mfpt_coord.server.config import ServeConfig
from mfpt_coord.server.logins import known_accounts
from mfpt_shared.protocol.codec import MAX_JSON
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress, Scheme
from mfpt_shared.transport.connection import Connection

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
# A network that is reserved for documentation: nothing is sent there, but the system says from which address it would.
_FAR_AWAY: Final = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True)
class Reach:
    """A broker that can be used.

    Attributes:
        connection: How the coordinator reaches it.
        addresses: How devices reach it, without users and passwords.
        credentials: Its accounts; None: they are not the coordinator's to manage.
    """

    connection: Connection
    addresses: tuple[BrokerAddress, ...]
    credentials: Credentials | None


def is_open(config: ServeConfig) -> bool:
    """Tell whether devices take part without an invitation: as was asked for, or else on this machine alone."""
    if config.is_open is not None:
        return config.is_open
    hosts = [config.listen.host] if config.broker is None else [address.host for address in config.broker.addresses]
    return all(_is_loopback(host) for host in hosts)


async def reach(config: ServeConfig, state: State, stack: AsyncExitStack) -> Reach:
    """Return the broker that was named, or start the embedded one, which ends with the stack.

    Raises:
        MfptError: The embedded broker cannot be started.
    """
    if config.broker is not None:
        plain = tuple(replace(address, username=None, password=None) for address in config.broker.addresses)
        return Reach(config.broker, _advertised(config, plain), None)
    federation = state.plan.federation
    desk = Desk(federation, known_accounts(state), _open_house() if state.open else None)
    options = BrokerOptions(
        max(largest_payload(state.plan), MAX_JSON),
        certificate=config.offer.certificate,
        websocket=config.offer.websocket,
    )
    broker = EmbeddedBroker(config.data_dir / "broker", config.listen, options, federation, desk, os.environ)
    await stack.enter_async_context(broker)
    listening = [broker.public_address]
    if config.listen.host in _EVERYWHERE:
        listening = [replace(listening[0], host=own_address())]
    if (websocket := config.offer.websocket) is not None:
        scheme: Scheme = "wss" if config.offer.certificate else "ws"
        listening.append(BrokerAddress(listening[0].host, websocket.port, scheme))
    return Reach(Connection((broker.address,)), _advertised(config, tuple(listening)), broker.accounts)


def _open_house() -> OpenHouse:
    password = os.environ.get(PASSWORD_VARIABLE)
    return OpenHouse(digest(password) if password else None)


def _advertised(config: ServeConfig, listening: tuple[BrokerAddress, ...]) -> tuple[BrokerAddress, ...]:
    """Return where devices reach the broker: as was said, or else where it listens."""
    named = [replace(listening[0], host=one.host, port=one.port or listening[0].port) for one in config.advertised]
    return tuple(named) or listening


def own_address() -> str:
    """Return the address of this machine in its network; its name, where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR_AWAY)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_advertised(text: str) -> Listen:
    """Parse `HOST[:PORT]`, an IPv6 address in brackets; port 0 stands for that of the broker."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or host.endswith(":"):
        host, port = text, "0"
    return Listen(host.strip("[]"), int(port))
