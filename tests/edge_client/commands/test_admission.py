"""How a device gets in: what an invitation, a membership and the command line come to together."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mfpt_edge.commands.admission import admitted, connection_of, refusals_explained, trust_of
from mfpt_edge.commands.join_config import Allowed, DataSource, JoinConfig, Limits, parse_retries
from mfpt_edge.commands.reach import Reach, parse_reach
from mfpt_edge.data.columns import Columns
from mfpt_edge.host.pauses import Pauses
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.membership import Membership, read_membership, write_membership
from mfpt_shared.errors import AuthenticationFailed, Incompatible, WrongCertificate
from mfpt_shared.invitation import InvitationLine, encoded
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from mfpt_shared.transport.security import Security
from support.sealing import key_of
from support.session import SESSION, SWAHILI

KEY: Final = key_of("coordinator").public
ADDRESSES: Final = (BrokerAddress("radio.example", 8883, "mqtts"), BrokerAddress("radio.example", 443, "wss"))
LINE: Final = InvitationLine(ADDRESSES, "radio", encoded(bytes(8)), encoded(bytes(16)), KEY)
MEMBER: Final = Membership(
    addresses=tuple(map(str, ADDRESSES)), federation="radio", coordinator=encoded(KEY), role="device"
)
IN_COMMON: Final = msgspec.structs.replace(MEMBER, user=LINE.user, password=LINE.secret)


def reach(broker: str | None = None, invitation: InvitationLine | None = None, password: str = "") -> Reach:
    environment = {PASSWORD_VARIABLE: password}
    return parse_reach(broker, environment, security=Security(), proxy=None, invitation=invitation)


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


@pytest.fixture
def config(tmp_path: Path) -> Callable[[Reach], JoinConfig]:
    """Settings of `join` that say nothing but how to reach the broker."""

    def make(where: Reach) -> JoinConfig:
        return JoinConfig(
            language=SWAHILI,
            federation="radio",
            reach=where,
            state_dir=tmp_path,
            data=DataSource(None, Columns(None, None, None), None),
            retries=parse_retries("1"),
            limits=Limits("cpu", None, 0, None, 60.0, 0),
            allowed=Allowed((), False),
            pauses=Pauses(max_load=None, on_battery=False),
            rounds=None,
            alone=False,
        )

    return make


def of_folder(folder: DeviceFolder, settings: JoinConfig) -> Membership | None:
    """Return the membership that `join` goes on with, when no broker can be reached."""
    session = folder.begin_session(folder.enrol(SWAHILI))
    return asyncio.run(admitted(settings, folder, session, asyncio.sleep))


Configured = Callable[[Reach], JoinConfig]


def test_whoever_was_not_invited_has_no_membership(config: Configured, tmp_path: Path) -> None:
    assert of_folder(DeviceFolder(tmp_path), config(reach())) is None


def test_a_member_needs_no_invitation_any_more(config: Configured, tmp_path: Path) -> None:
    write_membership(tmp_path, MEMBER)
    assert of_folder(DeviceFolder(tmp_path), config(reach())) == MEMBER


def test_a_member_that_is_given_its_invitation_again_does_not_ask_again(config: Configured, tmp_path: Path) -> None:
    write_membership(tmp_path, MEMBER)
    assert of_folder(DeviceFolder(tmp_path), config(reach(invitation=LINE))) == MEMBER


@pytest.mark.parametrize(
    "other", [{"federation": "television"}, {"key": key_of("another").public}], ids=["federation", "coordinator"]
)
def test_a_member_is_not_admitted_elsewhere_in_the_same_folder(
    other: dict[str, Any], config: Configured, tmp_path: Path
) -> None:
    write_membership(tmp_path, MEMBER)
    with pytest.raises(Incompatible, match="another --state-dir"):
        of_folder(DeviceFolder(tmp_path), config(reach(invitation=replace(LINE, **other))))
    assert read_membership(tmp_path) == MEMBER


@pytest.mark.parametrize(
    ("membership", "advice"), [(None, "a closed federation takes an invitation"), (MEMBER, "ask for a new invitation")]
)
def test_a_device_that_is_refused_is_told_what_to_do(membership: Membership | None, advice: str) -> None:
    with pytest.raises(AuthenticationFailed, match=rf"^refused; .*{advice}"), refusals_explained(membership):
        raise AuthenticationFailed("refused")


def test_a_wrong_certificate_is_told_as_it_is() -> None:
    with pytest.raises(WrongCertificate, match=r"^unknown CA$"), refusals_explained(MEMBER):
        raise WrongCertificate("unknown CA")
