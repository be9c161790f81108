"""What a broker's URL means, and that no message shows its password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.errors import UsageError
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress, parse_broker, parse_candidates


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://host", BrokerAddress("host", 1883)),
        ("mqtt://host/", BrokerAddress("host", 1883)),
        ("MQTTS://Host", BrokerAddress("host", 8883, "mqtts")),
        ("mqtts://host:1", BrokerAddress("host", 1, "mqtts")),
        ("ws://host", BrokerAddress("host", 80, "ws", path="/mqtt")),
        ("ws://host/", BrokerAddress("host", 80, "ws", path="/mqtt")),
        ("wss://host:8443/a/mqtt", BrokerAddress("host", 8443, "wss", path="/a/mqtt")),
        ("mqtt://[::1]:1884", BrokerAddress("::1", 1884)),
        ("mqtt://ann@host", BrokerAddress("host", 1883, username="ann")),
        ("mqtt://ann:p%40s%3As@host", BrokerAddress("host", 1883, username="ann", password="p@s:s")),
    ],
)
def test_a_broker_url_is_taken_apart(url: str, address: BrokerAddress) -> None:
    assert parse_broker(url) == address


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("mqtts://host", None, "from outside"),
        ("mqtts://ann@host", "ann", "from outside"),
        ("mqtts://ann:own@host", "ann", "own"),
    ],
)
def test_the_password_may_come_from_the_environment(url: str, user: str | None, password: str) -> None:
    address = parse_broker(url, {PASSWORD_VARIABLE: "from outside"})

    assert (address.username, address.password) == (user, password)


@pytest.mark.parametrize("url", ["mqtt://host", "wss://ann@host:8443/a", "mqtts://[::1]", "ws://a%40%5Bb@host"])
def test_an_address_is_written_as_it_can_be_read_again(url: str) -> None:
    address = parse_broker(url)

    assert parse_broker(str(address)) == address


def test_neither_form_of_an_address_shows_the_password() -> None:
    address = parse_broker("wss://ann:secret@host")

    assert "secret" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mqtt//u:secret@h", "mqtt//***@h"),
        ("mqtt://u:secret@h:99999", "mqtt://***@h:99999"),
        ("mqtt://u:secret@h:0", "mqtt://***@h:0"),
        ("http://u:secret@h", "http://***@h"),
        ("u:secret@h:1883", "***@h:1883"),
        ("mqtt:u:secret@h", "***@h"),
        ("mqtt://u:sec@ret@h:port", "mqtt://***@h:***"),
        ("mqtt://u:sec#ret@h", "mqtt://***@h"),
        ("mqtt://u:sec/ret@h", "mqtt://***@h"),
        ("ws://u:12/secret@h", "ws://***@h"),
        ("mqtt://u:secret", "mqtt://u:***"),
        ("mqtt://u:secret@[::1", "mqtt://***@[::1"),
        ("mqtt://u:secret@h/path", "mqtt://***@h/path"),
        ("mqtt://h/?password=secret", "mqtt://h/"),
        ("mqtt://u:secret @h", "mqtt://***@h"),
        ("", ""),
        ("localhost:1883", "localhost:1883"),
        ("mqtt://" + 70 * "h", "mqtt://" + 70 * "h"),
    ],
)
def test_a_malformed_url_is_shown_without_its_password(url: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_broker(url)

    assert repr(shown) in str(caught.value)
    assert caught.value.__cause__ is None


@given(
    before=st.sampled_from(
        ["mqtt://", "wss://", "mqtt//", "mqtt:/", "http://", "://", "", "[", "mqtt://[", "mqtts:\n//"]
    ),
    secret=st.text(min_size=1).map(lambda text: f"{text}CRET") | st.just("12/CRET"),
    after=st.sampled_from(["", "h", "h:99999", "h:x", "[::1", "h/p", "h?q#f", "h\x00", "h@h", "℀"]),
)
def test_no_malformation_shows_the_password(before: str, secret: str, after: str) -> None:
    try:
        shown = str(parse_broker(f"{before}user:{secret}@{after}"))
    except UsageError as error:
        shown = str(error)

    assert "CRET" not in shown


@pytest.mark.parametrize(
    ("url", "tried"),
    [
        ("mqtt://u@host", ["mqtt://u@host:1883", "ws://u@host:80/mqtt"]),
        ("mqtts://host", ["mqtts://host:8883", "wss://host:443/mqtt"]),
        ("mqtts://host:8883", ["mqtts://host:8883"]),
        ("mqtt://127.0.0.1:1883", ["mqtt://127.0.0.1:1883"]),
        ("wss://host", ["wss://host:443/mqtt"]),
    ],
)
def test_without_a_port_the_port_of_the_web_is_tried_as_well(url: str, tried: list[str]) -> None:
    assert [str(address) for address in parse_candidates(url)] == tried


def test_the_nodes_of_a_cluster_stand_between_commas_and_their_web_ports_come_last() -> None:
    tried = parse_candidates("mqtts://u:a,b@one, mqtts://u:a,b@two:1234,mqtts://u:a,b@three")
    assert [str(address) for address in tried] == [
        "mqtts://u@one:8883",
        "mqtts://u@two:1234",
        "mqtts://u@three:8883",
        "wss://u@one:443/mqtt",
        "wss://u@three:443/mqtt",
    ]
    assert {address.password for address in tried} == {"a,b"}


@pytest.mark.parametrize("other", ["mqtt://two", "mqtts://two", "ws://u@two", "mqtts://u:other@two"])
def test_addresses_that_differ_in_more_than_host_and_port_are_not_of_one_broker(other: str) -> None:
    with pytest.raises(UsageError, match="differ in host and port alone"):
        parse_candidates(f"mqtts://u@one,{other}")
