"""What `mfpt-edge doctor` looks at: who the device is, how it would reach its broker, and as whom."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mfpt_edge.commands.admission import asking_connection, check_same, connection_of, refusals_explained, trust_of
from mfpt_edge.commands.reach import Reach
from mfpt_edge.doctor.heard import Heard
from mfpt_edge.doctor.invited import Invited
from mfpt_edge.doctor.visit import Visit
from mfpt_edge.session.channel import Listener
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.storage.device_folder import KEY_FILE, DeviceFolder
from mfpt_edge.storage.membership import Membership, read_membership
from mfpt_shared.errors import AuthenticationFailed, Damaged, MfptError
from mfpt_shared.folders import borrowed
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.topics import ROOT
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from mfpt_shared.transport.connection import Connection, parse_connection


@dataclass(frozen=True, slots=True)
class Patient:
    """A device that is looked at.

    Attributes:
        folder: Its state folder; it may be missing.
        language: Its language; None: nobody has said it.
        federation: Name of the federation.
        reach: How to reach the broker, as the command line says.
        membership: Its membership; None: it has none.
        connection: How it would reach the broker, and as whom.
        client_id: MQTT client id under which it would do so.
        is_account: Whether it would log in with an account of its own, of which there can be one connection only.
    """

    folder: DeviceFolder
    language: LanguageCode | None
    federation: str
    reach: Reach
    membership: Membership | None
    connection: Connection
    client_id: str
    is_account: bool

    @contextmanager
    def to_visit(self) -> Iterator[Visit | Invited | None]:
        """Return what looks at the broker; None: nobody may, as the device itself is logged in now."""
        with borrowed(self.folder.path) as is_free:
            if self.is_account and not is_free:
                yield None
                return
            transport = self.connection.transport(self.client_id)
            line = self.reach.invitation
            if line is not None and self.membership is None:
                yield Invited(transport, line)
                return
            probe = "" if self.membership else f"{ROOT}/{self.federation}/doctor/{secrets.token_hex(8)}"
            listener = Listener(self.federation, trust_of(self.membership), Freshness(*self.folder.newest_seen()))
            yield Visit(transport, Heard(listener, probe), self._explained)

    def kept_plan(self) -> Plan | None:
        """Return the plan that came last; None: none has come, or it is damaged."""
        try:
            return self.folder.plan()
        except MfptError:
            return None

    def _explained(self, error: AuthenticationFailed) -> AuthenticationFailed:
        """Return a refused login with what to do about it."""
        try:
            with refusals_explained(self.membership):
                raise error
        except AuthenticationFailed as explained:
            return explained


def patient(folder: Path, language: LanguageCode | None, federation: str, reach: Reach) -> Patient:
    """Return the device that the command line names; nothing is written, and nothing connected.

    Raises:
        Damaged: A file in its state folder is damaged.
        Incompatible: The invitation is one to another federation than the folder is a member of.
        UsageError: A certificate or key cannot be read.
    """
    place, membership = DeviceFolder(folder), read_membership(folder)
    if membership is not None:
        if reach.invitation is not None:
            check_same(membership, reach.invitation, place)
        return _member(place, language, membership, reach)
    client_id = f"mfpt-doctor-{secrets.token_hex(8)}"
    if reach.invitation is not None:
        connection = asking_connection(reach.invitation, reach)
        return Patient(place, language, federation, reach, None, connection, client_id, is_account=False)
    connection = reach.named or _remembered(place, reach) or reach.usual
    named = any(address.username for address in connection.addresses)
    return Patient(place, language, federation, reach, None, connection, client_id, is_account=named)


def _member(place: DeviceFolder, language: LanguageCode | None, membership: Membership, reach: Reach) -> Patient:
    identity = place.identity()
    if identity is None or not (place.path / KEY_FILE).exists():
        raise Damaged(f"{place.path} is a member without a key; remove it, and join with a new invitation")
    session = place.last_session(identity)
    return Patient(
        folder=place,
        language=language or identity.language,
        federation=membership.federation,
        reach=reach,
        membership=membership,
        connection=connection_of(reach, membership, session),
        client_id=session.mqtt_client,
        is_account=True,
    )


def _remembered(place: DeviceFolder, reach: Reach) -> Connection | None:
    """Return where an open federation was last; None: nowhere."""
    url = place.broker()
    environment = {} if reach.password is None else {PASSWORD_VARIABLE: reach.password}
    if url is None:
        return None
    return replace(parse_connection(url, environment, security=reach.security), proxies=reach.proxies)
