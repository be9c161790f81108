"""How a device gets in: what an invitation, a membership and the command line come to together."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mfpt_edge.commands.admission import connection_of, refusals_explained, trust_of
from mfpt_edge.commands.reach import Reach
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.membership import Membership, read_membership, write_membership
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import AuthenticationFailed, Incompatible, WrongCertificate
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.transport.address import BrokerAddress
from support.joining import admit, reach
from support.sealing import key_of
from support.session import SESSION

KEY: Final = key_of("coordinator").public
ADDRESSES: Final = (BrokerAddress("radio.example", 8883, "mqtts"), BrokerAddress("radio.example", 443, "wss"))
LINE: Final = InvitationLine(ADDRESSES, "radio", encoded(bytes(8)), encoded(bytes(16)), KEY)
MEMBER: Final = Membership(
    addresses=tuple(map(str, ADDRESSES)), federation="radio", coordinator=encoded(KEY), role="device"
)
IN_COMMON: Final = msgspec.structs.replace(MEMBER, user=LINE.user, password=LINE.secret)


def logins(membership: Membership | None, where: Reach) -> list[tuple[str, tuple[str, str | None] | None]]:
    connection = connection_of(where, membership, SESSION)
    return [(address.host, address.login) for address in connection.addresses]


def test_a_member_logs_in_as_itself_wherever_the_broker_listens() -> None:
    own = (SESSION.identity.client, SESSION.password)
    assert logins(MEMBER, reach()) == [("radio.example", own)] * 2


def test_a_member_of_a_broker_without_accounts_of_devices_logs_in_as_the_invitation() -> None:
    assert logins(IN_COMMON, reach()) == [("radio.example", (LINE.user, LINE.secret))] * 2


def test_a_member_may_name_another_address_of_the_broker() -> None:
    assert logins(MEMBER, reach("mqtts://10.0.0.1:8883")) == [("10.0.0.1", (SESSION.identity.client, SESSION.password))]


def test_a_member_believes_no_broker_but_its_coordinators() -> None:
    assert connection_of(reach(), MEMBER, SESSION).security.pinned == KEY
    assert trust_of(MEMBER).key == KEY


def test_whoever_is_no_member_looks_for_an_open_federation_on_this_machine() -> None:
    assert logins(None, reach()) == [("127.0.0.1", (SESSION.identity.client, None))]
    assert connection_of(reach(), None, SESSION).security.pinned is None
    assert trust_of(None) == Trust()


def test_whoever_is_no_member_uses_the_common_password() -> None:
    where = reach("mqtt://10.0.0.1", password="word")
    assert logins(None, where)[0] == ("10.0.0.1", (SESSION.identity.client, "word"))


def membership_in(folder: Path, where: Reach) -> Membership | None:
    """Return what `join` goes on with where no broker can be reached."""
    return asyncio.run(admit(folder, where))


def test_whoever_was_not_invited_has_no_membership(tmp_path: Path) -> None:
    assert membership_in(tmp_path, reach()) is None


def test_a_member_needs_no_invitation_any_more(tmp_path: Path) -> None:
    write_membership(tmp_path, MEMBER)
    assert membership_in(tmp_path, reach()) == MEMBER


def test_a_member_that_is_given_its_invitation_again_does_not_ask_again(tmp_path: Path) -> None:
    write_membership(tmp_path, MEMBER)
    assert membership_in(tmp_path, reach(invitation=LINE)) == MEMBER


@pytest.mark.parametrize(
    "other", [{"federation": "television"}, {"key": key_of("another").public}], ids=["federation", "coordinator"]
)
def test_a_member_is_not_admitted_elsewhere_in_the_same_folder(other: dict[str, Any], tmp_path: Path) -> None:
    write_membership(tmp_path, MEMBER)
    with pytest.raises(Incompatible, match="another --state-dir"):
        membership_in(tmp_path, reach(invitation=replace(LINE, **other)))
    assert read_membership(tmp_path) == MEMBER


@pytest.mark.parametrize(
    ("membership", "advice"),
    [(None, "refused; a closed federation takes an invitation"), (MEMBER, "ask for a new invitation")],
)
def test_a_device_that_is_refused_is_told_what_to_do(membership: Membership | None, advice: str) -> None:
    with pytest.raises(AuthenticationFailed, match=advice), refusals_explained(membership):
        raise AuthenticationFailed("refused")


def test_a_wrong_certificate_is_told_as_it_is() -> None:
    with pytest.raises(WrongCertificate, match=r"^unknown CA$"), refusals_explained(MEMBER):
        raise WrongCertificate("unknown CA")
