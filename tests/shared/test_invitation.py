"""Invitations: what is written comes back, and what cannot be one is refused without showing its secret."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.base64url import encoded
from mfpt_shared.errors import UsageError
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.address import BrokerAddress
from support.sealing import key_of

TOKEN, SECRET = encoded(bytes(range(8))), encoded(bytes(range(16)))
KEY = key_of("coordinator").public
LINE = InvitationLine((BrokerAddress("radio.example", 8883, "mqtts"),), "radio", TOKEN, SECRET, KEY)
TEXT = str(LINE)

HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{1,5}){0,2}", fullmatch=True) | st.ip_addresses(
    v=6
).map(str)
PATHS = st.just("/mqtt") | st.from_regex(r"/[A-Za-z0-9._~-]{1,12}", fullmatch=True)
ADDRESSES = st.one_of(
    st.builds(BrokerAddress, HOSTS, st.integers(1, 65535), st.sampled_from(["mqtt", "mqtts"])),
    st.builds(BrokerAddress, HOSTS, st.integers(1, 65535), st.sampled_from(["ws", "wss"]), path=PATHS),
)
LINES = st.builds(
    InvitationLine,
    st.lists(ADDRESSES, min_size=1, max_size=8).map(tuple),
    st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True),
    st.binary(min_size=8, max_size=8).map(encoded),
    st.binary(min_size=16, max_size=16).map(encoded),
    st.binary(min_size=32, max_size=32).map(PublicKey),
    st.none() | st.sampled_from([LanguageCode("swh"), LanguageCode("und")]),
)


@given(LINES)
def test_what_an_invitation_says_comes_back_from_its_line(line: InvitationLine) -> None:
    assert InvitationLine.parse(f" {line}\n") == line


@given(
    st.builds(
        BrokerAddress,
        st.text(max_size=9),
        st.integers(-1, 70000),
        st.sampled_from(["mqtt", "ws"]),
        path=st.text(max_size=9),
    )
)
def test_an_address_that_would_not_come_back_is_not_written(address: BrokerAddress) -> None:
    try:
        line = replace(LINE, addresses=(address,))
    except UsageError:
        return
    assert InvitationLine.parse(str(line)) == line


def parsed(text: str) -> None:
    """Read a line that may be anything; only the declared error may come of it, and it shows no secret."""
    try:
        InvitationLine.parse(text)
    except UsageError as error:
        assert SECRET not in str(error)


@given(st.text(max_size=200))
def test_any_text_is_an_invitation_or_a_usage_error(text: str) -> None:
    parsed(text)


@given(st.integers(0, len(TEXT)), st.integers(0, 20), st.text(max_size=12))
def test_a_line_with_a_changed_part_is_an_invitation_or_a_usage_error(at: int, length: int, other: str) -> None:
    parsed(TEXT[:at] + other + TEXT[at + length :])


@pytest.mark.parametrize("length", [0, 1, len("mfpt://"), TEXT.index("#"), TEXT.index("#") + 1, len(TEXT) - 1])
def test_a_line_that_was_cut_says_so_without_its_secret(length: int) -> None:
    with pytest.raises(UsageError, match="whole line") as caught:
        InvitationLine.parse(TEXT[:length])
    assert SECRET not in str(caught.value)


def test_without_a_scheme_and_a_port_tls_is_meant() -> None:
    line = InvitationLine.parse(f"mfpt://[::1]/radio#{TOKEN}.{SECRET}.{encoded(KEY)}")
    assert line.addresses == (BrokerAddress("::1", 8883, "mqtts"),)
    assert line.language is None


def test_the_secret_is_in_the_line_and_in_no_representation() -> None:
    assert SECRET in str(LINE)
    assert SECRET not in repr(LINE)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("?via=mqtt&via=ws", "twice"),
        ("?until=tomorrow", "more than this mfpt understands"),
        ("?via=http", "an address of the invitation"),
        ("?via=mqtt&path=/a", "an address of the invitation"),
        ("?also=mqtt://ann:word@h", "names a user"),
        ("?lang=sw", "three letters"),
        ("?" + "&".join(["also=mqtt://h"] * 8), "1 to 8 addresses"),
        ("?%ff=1", "damaged"),
    ],
)
def test_what_makes_no_sense_between_address_and_secret_is_told(query: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        InvitationLine.parse(f"mfpt://h:1/radio{query}#{TOKEN}.{SECRET}.{encoded(KEY)}")
    assert "word" not in str(caught.value)


def test_a_line_that_would_be_too_long_is_not_written() -> None:
    with pytest.raises(UsageError, match="more than 1000 characters"):
        replace(
            LINE, addresses=tuple(BrokerAddress("h" * 60 + f".{number}" + ".a" * 60, 1, "mqtt") for number in range(8))
        )


def test_a_key_with_two_spellings_has_one_that_counts() -> None:
    text = encoded(KEY)
    again = text[:-1] + chr(ord(text[-1]) + 1)  # the same 32 bytes, with another of the bits that do not count
    with pytest.raises(UsageError, match="the key of the invitation is damaged"):
        InvitationLine.parse(TEXT.replace(text, again))
