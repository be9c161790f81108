"""How a device gets into a federation: as somebody invited, as a member, or through an open door."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from mfpt_edge.commands.join_config import JoinConfig
from mfpt_edge.commands.reach import Reach
from mfpt_edge.session.connect import connect_with_retries
from mfpt_edge.session.enrol import ask, request
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder, Session
from mfpt_edge.storage.membership import Membership, read_membership, write_membership
from mfpt_edge.storage.sent_log import SentLog
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import AuthenticationFailed, Incompatible, WrongCertificate
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.keys import PublicKey, fingerprint
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Admitted
from mfpt_shared.transport.address import DEFAULT_USER
from mfpt_shared.transport.base import Transport
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.security import Security

_log = logging.getLogger(__name__)


async def admitted(
    config: JoinConfig, folder: DeviceFolder, session: Session, sleep: Callable[[float], Awaitable[None]]
) -> Membership | None:
    """Return the device's membership, a new one if it was invited; None: it has none, and needs an open federation.

    Raises:
        AuthenticationFailed: The invitation does not admit this device.
        Incompatible: The folder belongs to a member of another federation.
        MfptError: The broker cannot be reached.
    """
    membership, line = read_membership(folder.path), config.reach.invitation
    if line is None:
        return membership
    if membership is not None:
        check_same(membership, line, folder)
        return membership
    answer = await _asked(config, line, session, sleep, SentLog(folder.path, time.time))
    membership = _membership(line, answer, _login(line, config.reach))
    write_membership(folder.path, membership)
    _log.info(
        "admitted to %s as %s, by coordinator %s", line.federation, session.identity.client, fingerprint(line.key)
    )
    return membership


def connection_of(reach: Reach, membership: Membership | None, session: Session) -> Connection:
    """Return how a device reaches its broker, and as whom."""
    if membership is None:
        return (reach.named or reach.usual).logged_in(session.identity.client)
    addresses = membership.brokers() if reach.named is None else reach.named.addresses
    password = membership.password if membership.user else session.password
    logins = tuple(
        replace(address, username=membership.user, password=password, usual_user=session.identity.client)
        for address in addresses
    )
    return Connection(logins, _pinned(reach, membership.key), reach.proxies)


async def connect(
    transport: Transport,
    membership: Membership | None,
    attempts: int | None,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Connect as a member, or as a device of an open federation.

    Raises:
        AuthenticationFailed: The device is not let in, and what to do about it.
        MfptError: The broker cannot be reached.
    """
    with refusals_explained(membership):
        await connect_with_retries(transport, attempts, sleep)


@contextmanager
def refusals_explained(membership: Membership | None) -> Iterator[None]:
    """Say what to do about a broker that refuses a device.

    Raises:
        AuthenticationFailed: The same, with advice.
    """
    try:
        yield
    except WrongCertificate:
        raise
    except AuthenticationFailed as error:
        if membership is None:
            why = f"{error}; a closed federation takes an invitation: mfpt-edge join 'mfpt://…'"
        else:
            why = (
                "the broker does not accept this device any more; it may have been revoked: ask for a new invitation, "
                "and give it another --state-dir"
            )
        raise AuthenticationFailed(why) from error


def trust_of(membership: Membership | None) -> Trust:
    """Return whose word counts as the coordinator's."""
    return Trust(None if membership is None else membership.key)


def asking_connection(line: InvitationLine, reach: Reach) -> Connection:
    """Return how somebody who is invited reaches the broker to ask, under the invitation's account."""
    user, password = _login(line, reach)
    addresses = tuple(replace(address, username=user, password=password) for address in line.addresses)
    return Connection(addresses, _pinned(reach, line.key), reach.proxies)


def _pinned(reach: Reach, key: PublicKey) -> Security:
    """Believe a certificate that the coordinator's key signed, or one from a CA for an operator who has such a one."""
    return replace(reach.security, pinned=key, or_system=True)


async def _asked(
    config: JoinConfig,
    line: InvitationLine,
    session: Session,
    sleep: Callable[[float], Awaitable[None]],
    sent: SentLog,
) -> Admitted:
    transport = asking_connection(line, config.reach).transport(secrets.token_hex(16))
    try:
        await connect_with_retries(transport, config.retries.connect, sleep)
    except WrongCertificate:
        raise
    except AuthenticationFailed as error:
        raise AuthenticationFailed("this invitation is not known there; ask for a new one") from error
    try:
        return await ask(transport, request(line, session, secrets.token_urlsafe(16)), sent)
    finally:
        await transport.close()


def _login(line: InvitationLine, reach: Reach) -> tuple[str, str]:
    """Return the user and password under which a device asks: the invitation's, unless the broker knows just one."""
    return (DEFAULT_USER, reach.password) if reach.password else (line.user, line.secret)


def _membership(line: InvitationLine, answer: Admitted, login: tuple[str, str]) -> Membership:
    user, password = login if answer.account == "common" else (None, None)
    return Membership(
        addresses=tuple(map(str, line.addresses)),
        federation=line.federation,
        coordinator=encoded(line.key),
        role=answer.role,
        language=None if answer.language is None else LanguageCode(answer.language),
        max_examples=answer.max_examples,
        user=user,
        password=password,
    )


def check_same(membership: Membership, line: InvitationLine, folder: DeviceFolder) -> None:
    """Check that an invitation is one to the federation that a device is a member of already.

    Raises:
        Incompatible: It is not.
    """
    if membership.key != line.key or membership.federation != line.federation:
        raise Incompatible(
            f"{folder.path} is a member of {membership.federation} under coordinator {fingerprint(membership.key)}; "
            "give this invitation another --state-dir"
        )
    _log.info("this device is a member already; the invitation is not used")
