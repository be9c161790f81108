"""How the coordinator and its devices reach the broker, and whether it is open to devices that nobody invited."""

import datetime
import errno
import ipaddress
import logging
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from mfpt_coord.access.accounts import Credentials
from mfpt_coord.access.certificate import make_certificate
from mfpt_coord.access.desk import Desk, OpenHouse
from mfpt_coord.access.mosquitto import MosquittoFiles
from mfpt_coord.core.payloads import largest_payload
from mfpt_coord.core.state import State
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.broker_config import MAX_CONNECTIONS, BrokerOptions, Certificate, Listen
from mfpt_coord.server.broker_watch import Revive
from mfpt_coord.server.channel import CoordinatorIdentity
from mfpt_coord.server.child import connections_with
from mfpt_coord.server.config import ServeConfig
from mfpt_coord.server.data_folder import BROKER_FOLDER, CERTIFICATE_FILE, CERTIFICATE_KEY_FILE
from mfpt_coord.server.logins import known_accounts, revoked_users
from mfpt_shared.atomic import write_durably
from mfpt_shared.keys import SigningKey, digest
from mfpt_shared.protocol.codec import MAX_JSON
from mfpt_shared.system.children import open_files
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.security import Security

FEW_CONNECTIONS: Final = 1000
"""Connections below which the operator is told how to get more."""
FEWEST_CONNECTIONS: Final = 10
"""Connections below which nothing works: the coordinator takes some itself."""
EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
# A network that is reserved for documentation: nothing is sent there, but the system says from which address it would.
_FAR_AWAY: Final = ("192.0.2.1", 9)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reach:
    """A broker that can be used.

    Attributes:
        connection: How the coordinator reaches it.
        addresses: How devices reach it, without users and passwords.
        credentials: Its accounts; None: they are not the coordinator's to manage.
        revive: Starts it again if it does not deliver; None: it is not the coordinator's.
    """

    connection: Connection
    addresses: tuple[BrokerAddress, ...]
    credentials: Credentials | None
    revive: Revive | None = None


def is_open(config: ServeConfig) -> bool:
    """Tell whether devices take part without an invitation: as was asked for, or else on this machine alone.

    Whoever has accounts kept at a Mosquitto wants nobody without one.
    """
    if config.is_open is not None:
        return config.is_open
    return config.mosquitto is None and not _others_can_reach(config)


def _others_can_reach(config: ServeConfig) -> bool:
    """Tell whether the broker listens for, or is named to, anybody outside of this machine."""
    hosts = [place.host for place in config.advertised]
    if config.broker is not None:
        hosts += [address.host for address in config.broker.addresses]
    else:
        hosts += [place.host for place in (config.listen, config.offer.websocket) if place is not None]
    return not all(map(is_loopback, hosts))


async def reach(config: ServeConfig, state: State, identity: CoordinatorIdentity, stack: AsyncExitStack) -> Reach:
    """Return the broker that was named, or start the embedded one, which ends with the stack.

    Args:
        config: What the command line asks for.
        state: State of the coordinator, with whom it has admitted.
        identity: The coordinator, whose key signs the certificate of its broker.
        stack: What ends the broker.

    Raises:
        MfptError: The embedded broker cannot be started.
    """
    federation = state.plan.federation
    if config.broker is not None:
        plain = tuple(replace(address, username=None, password=None) for address in config.broker.addresses)
        return Reach(config.broker, _advertised(config, plain), _mosquitto(config, state))
    house = _open_house() if state.open else None
    desk = Desk(
        federation, known_accounts(state), house, coordinator=identity.mqtt_client, withdrawn=revoked_users(state)
    )
    certificate = _certificate(config, identity.key)
    options = BrokerOptions(
        max(largest_payload(state.plan), MAX_JSON),
        max_connections=_connections(),
        certificate=certificate,
        websocket=config.offer.websocket,
    )
    broker = EmbeddedBroker(config.data_dir / BROKER_FOLDER, config.listen, options, federation, desk, os.environ)
    await stack.enter_async_context(broker)
    listening = [_as_others_see(broker.public_address, config.listen)]
    if (websocket := broker.websocket_address) is not None and config.offer.websocket is not None:
        listening.append(_as_others_see(websocket, config.offer.websocket))
    # The coordinator reaches its own broker at an address that the certificate may not name.
    own = Connection((broker.address,), Security(exact=broker.certificate))
    return Reach(own, _advertised(config, tuple(listening)), broker.accounts, broker.revive)


def _connections() -> int:
    """Return how many connections the embedded broker takes, as this machine lets it open files.

    Raises:
        OSError: They are too few for the coordinator itself and one device.
    """
    most = connections_with(open_files())
    if most < FEWEST_CONNECTIONS:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    if most < FEW_CONNECTIONS:
        _log.warning("the broker takes at most %d connections: raise the limit of open files (ulimit -Hn)", most)
    return min(most, MAX_CONNECTIONS)


def _as_others_see(address: BrokerAddress, listen: Listen) -> BrokerAddress:
    """Return an address of this machine's broker for its network, if it listens there."""
    return replace(address, host=own_address()) if listen.host in EVERYWHERE else address


def _mosquitto(config: ServeConfig, state: State) -> Credentials | None:
    """Return the accounts of a Mosquitto, if the coordinator keeps them.

    An account whose owner was revoked is removed once more: a crash may have come before it was.
    """
    if config.mosquitto is None:
        return None
    files = MosquittoFiles(config.mosquitto, state.plan.federation, config.mosquitto / "mosquitto.pid")
    for user in revoked_users(state):
        if files.has(user):
            files.withdraw(user)
    return files


def _certificate(config: ServeConfig, key: SigningKey) -> Certificate | None:
    """Return the certificate that was given, or a new one, signed by the coordinator's key; None without TLS."""
    if config.offer.certificate is not None or not _serves_tls(config):
        return config.offer.certificate
    given = [place.host for place in (config.listen, *config.advertised) if place.host not in EVERYWHERE]
    hosts = dict.fromkeys([*given, own_address(), "127.0.0.1", "localhost"])
    chain, private = make_certificate(key, list(hosts), datetime.datetime.now(datetime.UTC))
    made = Certificate(config.data_dir / CERTIFICATE_FILE, config.data_dir / CERTIFICATE_KEY_FILE)
    write_durably(made.chain, chain)
    write_durably(made.key, private)
    return made


def _serves_tls(config: ServeConfig) -> bool:
    """Tell whether the broker serves TLS: as was asked for, or else wherever secrets would travel in the clear."""
    if config.offer.tls is not None:
        return config.offer.tls
    return not is_open(config) and _others_can_reach(config)


def _open_house() -> OpenHouse:
    password = os.environ.get(PASSWORD_VARIABLE)
    return OpenHouse(digest(password) if password else None)


def _advertised(config: ServeConfig, listening: tuple[BrokerAddress, ...]) -> tuple[BrokerAddress, ...]:
    """Return where devices reach the broker: as was said, and by WebSockets there too; or else where it listens."""
    first, *others = listening
    if not config.advertised:
        return listening
    named = [replace(first, host=one.host, port=one.port or first.port) for one in config.advertised]
    if config.broker is None:
        named += [replace(other, host=named[0].host) for other in others]
    return tuple(named)


def own_address() -> str:
    """Return the address of this machine in its network; its name, where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR_AWAY)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def is_loopback(host: str) -> bool:
    """Tell whether a host can be reached from this machine alone."""
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
