"""Who may publish and read what."""

from typing import get_args

import pytest

from mfpt_coord.access.accounts import Role
from mfpt_coord.access.rights import Rights, coordinator_rights, rights
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_BEAT,
    COORDINATOR_PROGRESS,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    ENROL_DOWN,
    ENROL_UP,
    LANGUAGE_RELATIONS,
    PROMPT,
    TOPICS,
)

ROLES: tuple[Role, ...] = get_args(Role)
FEDERATION = "f"


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether an MQTT topic filter takes a topic (MQTT 3.1.1, section 4.7)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(want in ("+", level) for want, level in zip(wanted, levels, strict=True))


def may(filters: tuple[str, ...], topic: str) -> bool:
    return any(matches(topic_filter, topic) for topic_filter in filters)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_publishes_under_the_key_of_somebody_else_or_as_the_coordinator(role: Role) -> None:
    own = rights(role, FEDERATION, "own")

    for topic in TOPICS:
        key = "own" if topic.sender == "coordinator" else "foreign"
        assert not may(own.publish, topic.path(FEDERATION, key))


@pytest.mark.parametrize("role", ROLES)
def test_nobody_reads_what_was_sent_to_or_by_somebody_else(role: Role) -> None:
    own = rights(role, FEDERATION, "own")

    for topic in (CLIENT_UP, CLIENT_STATE, CLIENT_DOWN, ENROL_UP, ENROL_DOWN):
        assert not may(own.subscribe, topic.path(FEDERATION, "foreign"))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "topic", ["$JS/API/STREAM/DELETE/$MQTT_msgs", "$SYS/REQ/USER/AUTH", "mfpt/v1/other/plan", "mfpt/v1/f", "plan"]
)
def test_nobody_has_rights_outside_of_the_federation(role: Role, topic: str) -> None:
    for own in (rights(role, FEDERATION, "own"), coordinator_rights("g")):
        assert not may(own.publish, topic)
        assert not may(own.subscribe, topic)


def test_a_device_reads_the_prompts_of_its_own_language_and_of_those_without_one_and_no_other() -> None:
    own = rights("device", FEDERATION, "own", LanguageCode("swh"))

    assert may(own.subscribe, PROMPT.path(FEDERATION, "swh"))
    assert may(own.subscribe, PROMPT.path(FEDERATION, UNDETERMINED))
    assert not may(own.subscribe, PROMPT.path(FEDERATION, "zul"))


def test_a_device_is_told_from_whom_its_own_language_learns_and_no_other() -> None:
    own = rights("device", FEDERATION, "own", LanguageCode("swh"))

    assert may(own.subscribe, LANGUAGE_RELATIONS.path(FEDERATION, "swh"))
    assert not may(own.subscribe, LANGUAGE_RELATIONS.path(FEDERATION, "zul"))


@pytest.mark.parametrize("language", [None, LanguageCode("swh")])
def test_a_device_reads_what_the_coordinator_says_to_everybody(language: LanguageCode | None) -> None:
    own = rights("device", FEDERATION, "own", language)

    for topic in (COORDINATOR_STATE, COORDINATOR_STATUS, COORDINATOR_PROGRESS, COORDINATOR_BEAT):
        assert may(own.subscribe, topic.path(FEDERATION))


def test_an_invitation_sees_its_own_enrolment_alone() -> None:
    own = rights("invitation", FEDERATION, "token")

    assert own == Rights((ENROL_UP.path(FEDERATION, "token"),), (ENROL_DOWN.path(FEDERATION, "token"),))


@pytest.mark.parametrize("role", ["reader", "monitor"])
def test_readers_and_monitors_publish_nothing(role: Role) -> None:
    assert rights(role, FEDERATION, "own").publish == ()


def test_the_coordinator_may_use_every_topic_of_its_federation() -> None:
    own = coordinator_rights(FEDERATION)

    for topic in TOPICS:
        path = topic.path(FEDERATION, "key")
        assert may(own.publish, path)
        assert may(own.subscribe, path)
