"""What a member keeps of its federation."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_edge.storage.membership import MEMBERSHIP_FILE, Membership, read_membership, write_membership
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import Damaged
from mfpt_shared.transport.address import BrokerAddress
from support.sealing import key_of
from support.systems import has_modes

KEY = key_of("coordinator").public
MEMBERSHIP = Membership(
    addresses=("mqtts://radio.example:8883", "wss://radio.example:443/mqtt"),
    federation="radio",
    coordinator=encoded(KEY),
    role="device",
    user="invite-token",
    password="the password",
)


def changed(**fields: Any) -> Membership:
    return msgspec.structs.replace(MEMBERSHIP, **fields)


@has_modes
def test_a_membership_comes_back_from_a_file_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    write_membership(tmp_path, MEMBERSHIP)
    assert read_membership(tmp_path) == MEMBERSHIP
    assert (tmp_path / MEMBERSHIP_FILE).stat().st_mode & 0o777 == 0o600


def test_a_device_that_was_never_invited_has_none(tmp_path: Path) -> None:
    assert read_membership(tmp_path) is None


def test_it_says_where_the_broker_is_and_whose_word_counts() -> None:
    assert MEMBERSHIP.brokers() == (
        BrokerAddress("radio.example", 8883, "mqtts"),
        BrokerAddress("radio.example", 443, "wss"),
    )
    assert MEMBERSHIP.key == KEY


def test_its_representation_has_no_password() -> None:
    assert "the password" not in repr(MEMBERSHIP)


@given(length=st.integers(0, 400), other=st.binary(max_size=8))
def test_a_damaged_file_is_told_as_such(length: int, other: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("device")
    whole = msgspec.json.encode(MEMBERSHIP)
    (folder / MEMBERSHIP_FILE).write_bytes(whole[:length] + other + whole[length + 4 :])
    try:
        read = read_membership(folder)
        assert read is not None
        assert len(read.key) == 32
        assert read.brokers()
    except Damaged as error:
        assert MEMBERSHIP_FILE in str(error)


@pytest.mark.parametrize("key", ["", "AAAA", "a", "ä" * 43, "*" * 43, encoded(KEY) + "AAAA"])
def test_what_is_no_key_of_a_coordinator_is_damaged(key: str) -> None:
    with pytest.raises(Damaged, match="the coordinator's key"):
        _ = changed(coordinator=key).key


@pytest.mark.parametrize(("addresses", "problem"), [((), "names no address"), (("http://h",), "an address")])
def test_a_membership_without_an_address_that_can_be_used_is_damaged(addresses: tuple[str, ...], problem: str) -> None:
    with pytest.raises(Damaged, match=problem):
        changed(addresses=addresses).brokers()
