"""How a command reaches its broker: addresses, whom to believe, and proxies, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from mfpt_shared.errors import UsageError, WrongCertificate
from mfpt_shared.transport.address import BrokerAddress, parse_candidates
from mfpt_shared.transport.base import Transport, Will
from mfpt_shared.transport.first_reachable import FirstReachable
from mfpt_shared.transport.mqtt import MqttTransport
from mfpt_shared.transport.proxy import Proxies, parse_proxies
from mfpt_shared.transport.security import Security

DEFAULT_SECURITY: Final = Security()


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a broker.

    Attributes:
        addresses: Where it listens, at least one; tried in this order. A connection that is lost is mended at the next
            address that differs in host and port alone.
        security: Whom to believe where the address has TLS.
        proxies: Proxies on the way.
    """

    addresses: tuple[BrokerAddress, ...]
    security: Security = DEFAULT_SECURITY
    proxies: Proxies = Proxies()

    def __str__(self) -> str:
        """Return the first address, without a password."""
        return str(self.addresses[0])

    @property
    def nodes(self) -> str:
        """The first address and those that take its place, as `--broker` takes them, without a password."""
        return ",".join(map(str, (self.addresses[0], *self._after(self.addresses[0]))))

    def logged_in(self, user: str) -> "Connection":
        """Return the same way for a user; an address that names one keeps it."""
        addresses = tuple(replace(address, usual_user=user) for address in self.addresses)
        return replace(self, addresses=addresses)

    def transport(self, client_id: str, *, will: Will | None = None, persistent: bool = False) -> Transport:
        """Return a transport that is not connected yet; the arguments are those of `MqttTransport`.

        Raises:
            UsageError: A certificate or key cannot be read.
        """
        ways = [partial(self._way, address, client_id, will, persistent) for address in self.addresses]
        return ways[0]() if len(ways) == 1 else FirstReachable(ways)

    def _way(self, address: BrokerAddress, client_id: str, will: Will | None, persistent: bool) -> Transport:
        proxy, others = self.proxies.to(address), self._after(address)
        ways = [
            partial(
                MqttTransport, address, client_id,
                will=will, persistent=persistent, security=security, proxy=proxy, others=others,
            )
            for security in (self.security.alternatives() if address.tls else (self.security,))
        ]  # fmt: skip
        return ways[0]() if len(ways) == 1 else FirstReachable(ways, passing=(WrongCertificate,))

    def _after(self, address: BrokerAddress) -> Sequence[BrokerAddress]:
        """Return the addresses that take the place of one, the next first."""
        alike = [
            other
            for other in self.addresses
            if replace(other, host=address.host, port=address.port) == address
            and self.proxies.to(other) == self.proxies.to(address)
        ]
        place = alike.index(address)
        return alike[place + 1 :] + alike[:place]


def parse_connection(
    url: str, environment: Mapping[str, str], *, security: Security = DEFAULT_SECURITY, proxy: str | None = None
) -> Connection:
    """Return how to reach the broker that a command line names.

    Args:
        url: URL of the broker, or several, see `address.parse_candidates`.
        environment: Variables: `MFPT_BROKER_PASSWORD`, and those that name proxies.
        security: Whom to believe.
        proxy: What `--proxy` says.

    Raises:
        UsageError: One of them makes no sense, or a file of `security` cannot be used.
    """
    addresses = parse_candidates(url, environment)
    if security.ca_file is not None or security.cert is not None:
        if not addresses[0].tls:
            raise UsageError(
                f"--ca-file, --cert and --key are for TLS, which {addresses[0]} does not use: give mqtts:// or wss://"
            )
        for alternative in security.alternatives():
            alternative.context()
    return Connection(addresses, security, parse_proxies(proxy, environment))


def connection_if_named(
    url: str | None, environment: Mapping[str, str], *, security: Security, proxy: str | None
) -> Connection | None:
    """Return how to reach the broker that a command line names; None if it names none.

    Raises:
        UsageError: One of the options makes no sense, or says how to reach a broker that is not named.
    """
    if url:
        return parse_connection(url, environment, security=security, proxy=proxy)
    if security != DEFAULT_SECURITY or proxy is not None:
        raise UsageError("--ca-file, --cert, --key and --proxy say how to reach a broker: name it with --broker")
    return None
