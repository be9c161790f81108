"""How a device reaches its broker, as its command line, its invitation and its environment say."""

from collections.abc import Mapping
from dataclasses import dataclass

from mfpt_edge.commands.options import USUAL_BROKER
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from mfpt_shared.transport.connection import Connection, parse_connection
from mfpt_shared.transport.proxy import Proxies, parse_proxies
from mfpt_shared.transport.security import Security


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach the broker.

    Attributes:
        named: The broker that the command line names; None: the one of the invitation or the membership.
        usual: Where an open federation is looked for when nothing else is said.
        invitation: Invitation with which the device is to be admitted; None: it is a member, or there is no need.
        security: Whom to believe, and the certificate to show.
        proxies: Proxies on the way.
        password: Common password of the broker, for brokers that know no accounts of devices.
    """

    named: Connection | None
    usual: Connection
    invitation: InvitationLine | None
    security: Security
    proxies: Proxies
    password: str | None


def parse_reach(
    broker: str | None,
    environment: Mapping[str, str],
    *,
    security: Security,
    proxy: str | None,
    invitation: InvitationLine | None = None,
) -> Reach:
    """Return how to reach the broker.

    Args:
        broker: What `--broker` says.
        environment: Variables: `MFPT_BROKER_PASSWORD`, and those that name proxies.
        security: Whom to believe, and the certificate to show.
        proxy: What `--proxy` says.
        invitation: Invitation that is to be used.

    Raises:
        UsageError: One of them makes no sense.
    """
    return Reach(
        named=parse_connection(broker, environment, security=security, proxy=proxy) if broker else None,
        usual=parse_connection(USUAL_BROKER, environment),
        invitation=invitation,
        security=security,
        proxies=parse_proxies(proxy, environment),
        password=environment.get(PASSWORD_VARIABLE) or None,
    )
