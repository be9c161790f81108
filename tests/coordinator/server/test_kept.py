"""When a retained message of the coordinator has been replaced, and when not."""

from mfpt_coord.server.kept import Kept


def kept(*published: bytes) -> Kept:
    """Return what a run keeps that has published these on the topic `plan`."""
    kept = Kept()
    for payload in published:
        kept.published("plan", payload)
    return kept


def test_what_came_before_the_own_message_is_back_has_not_replaced_it() -> None:
    fates = [(one := kept(b"mine")).fate("plan", b"theirs"), one.fate("plan", b"mine")]
    assert fates == ["older", "own"]


def test_what_comes_after_the_own_message_has_replaced_it() -> None:
    one = kept(b"mine")
    assert [one.fate("plan", payload) for payload in (b"mine", b"theirs")] == ["own", "replacing"]


def test_a_message_that_was_removed_has_been_replaced() -> None:
    one = kept(b"mine")
    assert [one.fate("plan", payload) for payload in (b"mine", b"")] == ["own", "replacing"]


def test_an_earlier_message_of_one_s_own_that_is_still_under_way_replaces_nothing() -> None:
    one = kept(b"first", b"second")
    assert [one.fate("plan", payload) for payload in (b"first", b"second")] == ["older", "own"]


def test_a_replay_of_an_earlier_message_of_one_s_own_replaces_the_newest() -> None:
    one = kept(b"first", b"second")
    assert [one.fate("plan", payload) for payload in (b"second", b"first")] == ["own", "replacing"]


def test_a_replaced_message_is_replaced_once_until_it_is_back() -> None:
    one = kept(b"mine")
    fates = [one.fate("plan", payload) for payload in (b"mine", b"theirs", b"theirs", b"mine", b"theirs")]
    assert fates == ["own", "replacing", "older", "own", "replacing"]


def test_what_is_on_another_topic_replaces_nothing() -> None:
    one = kept(b"mine")
    assert [one.fate(topic, b"mine" if topic == "plan" else b"other") for topic in ("plan", "prompt/swh")] == [
        "own",
        "older",
    ]
