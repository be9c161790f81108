"""Topics: paths and their parts, and what a filter covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_UP,
    LANGUAGE_RELATIONS,
    PLAN,
    PROMPT,
    TOPICS,
    Address,
    Topic,
    parse,
)
from mfpt_shared.transport.in_process import matches

KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
FEDERATIONS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)
KEYED = [topic for topic in TOPICS if "+" in topic.name]


def test_a_topic_is_written_in_full() -> None:
    assert CLIENT_UP.path("radio", "d1") == "mfpt/v1/radio/client/d1/up"
    assert PROMPT.path("radio", "swh") == "mfpt/v1/radio/prompt/swh"
    assert PLAN.path("radio") == "mfpt/v1/radio/plan"


@given(st.sampled_from(KEYED), FEDERATIONS, st.from_regex(r"[a-z]{3}", fullmatch=True))
def test_a_path_with_a_key_is_taken_apart_again(topic: Topic, federation: str, key: str) -> None:
    assert parse(topic.path(federation, key), federation) == Address(topic, key)


@given(st.sampled_from([topic for topic in KEYED if topic not in (PROMPT, LANGUAGE_RELATIONS)]), FEDERATIONS, KEYS)
def test_a_path_with_a_client_is_taken_apart_again(topic: Topic, federation: str, client: str) -> None:
    assert parse(topic.path(federation, client), federation) == Address(topic, client)


@given(st.sampled_from([topic for topic in TOPICS if topic not in KEYED]), FEDERATIONS)
def test_a_path_without_a_key_is_taken_apart_again(topic: Topic, federation: str) -> None:
    assert parse(topic.path(federation), federation) == Address(topic, "")


@given(
    st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40)
    | KEYS.map(lambda key: f"mfpt/v1/f/client/{key}/up")
)
def test_any_path_is_an_address_that_leads_back_or_a_decode_error(path: str) -> None:
    try:
        address = parse(path, "f")
    except DecodeError:
        return
    assert address.topic.path("f", address.key) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "mfpt/v1/f",
        "mfpt/v1/f/",
        "mfpt/v1/g/plan",
        "mfpt/v2/f/plan",
        "mfpt/v1/f/plan/x",
        "mfpt/v1/f/client/d1",
        "mfpt/v1/f/client/d1/sideways",
        "/mfpt/v1/f/plan",
        "mfpt/v1/ff/plan",
        "$SYS/broker",
    ],
)
def test_what_is_not_a_topic_of_the_federation_is_refused(path: str) -> None:
    with pytest.raises(DecodeError, match="not a topic of federation 'f'"):
        parse(path, "f")


@pytest.mark.parametrize("client", ["", "+", "#", "x" * 65, "a\n"])
def test_a_client_that_cannot_be_answered_is_refused(client: str) -> None:
    """The coordinator publishes to `client/<id>/down`: an empty id would make it publish to a wildcard."""
    with pytest.raises(DecodeError):
        parse(f"mfpt/v1/f/client/{client}/up", "f")


@given(st.sampled_from(TOPICS), FEDERATIONS, KEYS)
def test_a_row_without_key_is_the_filter_for_all_its_paths(topic: Topic, federation: str, key: str) -> None:
    assert matches(topic.path(federation), topic.path(federation, key))


def test_a_filter_of_one_row_covers_no_other_row() -> None:
    for topic in TOPICS:
        covered = [other for other in TOPICS if matches(topic.path("f"), other.path("f", "abc"))]
        assert covered == [topic]


# The examples of MQTT 3.1.1, section 4.7.
@pytest.mark.parametrize(
    ("topic_filter", "path", "covered"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/tennis/player1/#", "sport/tennis/player10", False),
        ("sport/#", "sport", True),
        ("#", "sport/tennis", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+", "finance", True),
        ("+", "/finance", False),
        ("/+", "/finance", True),
        ("+/+", "/finance", True),
        ("+/tennis/#", "sport/tennis/player1", True),
        ("sport/+/player1", "sport/tennis/player1", True),
        ("sport/+/player1", "sport/tennis/player2", False),
        ("ACCOUNTS", "Accounts", False),
        ("a/b", "a/b", True),
        ("a/b", "a", False),
        ("a", "a/b", False),
        ("$SYS/#", "$SYS/monitor/clients", True),
        ("$SYS/monitor/+", "$SYS/monitor/clients", True),
    ],
)
def test_a_filter_covers_what_the_standard_says(topic_filter: str, path: str, covered: bool) -> None:
    assert matches(topic_filter, path) is covered


@pytest.mark.parametrize(("topic_filter", "path"), [("#", "$SYS/monitor"), ("+/monitor", "$SYS/monitor")])
def test_a_leading_wildcard_does_not_cover_the_brokers_own_topics(topic_filter: str, path: str) -> None:
    """MQTT 3.1.1, section 4.7.2."""
    assert not matches(topic_filter, path)


def test_devices_never_publish_where_the_coordinator_does() -> None:
    assert {topic.sender for topic in TOPICS if topic.name.startswith(("coord/", "prompt/", "plan"))} == {"coordinator"}
    assert CLIENT_DOWN.sender == "coordinator"
    assert not CLIENT_DOWN.retain
    assert not CLIENT_UP.retain
