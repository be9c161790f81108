"""When a coordinator counts as online for a monitor, and what its status says then."""

import json
from typing import Any, Final, Literal

import pytest

from mfpt_coord.commands.sight import Health, Observer, Sight
from mfpt_coord.core.state import initial
from mfpt_coord.core.status import federation_status
from mfpt_shared.errors import AuthenticationFailed
from mfpt_shared.protocol.messages import Beat, ClientStatus, CoordinatorState, FederationStatus, UpdateCounts
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, COORDINATOR_STATE, COORDINATOR_STATUS
from mfpt_shared.transport.base import Connected, Disconnected, Inbound, SubscriptionRefused
from support.federation import tiny_plan
from support.sealing import inbound

DEVICES: Final[tuple[tuple[str, Literal["online", "offline"], str], ...]] = (
    ("d1", "online", "training"),
    ("d2", "offline", "offline"),
)
STATUS: Final = federation_status(initial(tiny_plan()), started=0.0, at=1.0)


def state(said: Any, signer: str = "coordinator") -> Inbound:
    message = CoordinatorState(state=said, coordinator="c0", started=1.0, epoch=1)
    return inbound(COORDINATOR_STATE, "", message, signer)


def beat(signer: str = "coordinator", number: int = 1, epoch: int = 1) -> Inbound:
    return inbound(COORDINATOR_BEAT, "", Beat(number=number, epoch=epoch), signer)


def kept(said: Any) -> list[Inbound]:
    """What a broker keeps of a coordinator."""
    return [state(said), inbound(COORDINATOR_STATUS, "", STATUS, "coordinator")]


def seen(*events: Inbound, after: float, at: float = 0.0) -> tuple[Health, bool]:
    """Return health, and whether it is settled, some seconds after events that came at a time."""
    observer = Observer("test", 0.0)
    for event in events:
        observer.take(event, at)
    sight = observer.sight(after)
    assert sight is not None
    return sight.health, sight.is_settled


def test_a_coordinator_is_online_for_three_seconds_after_each_beat() -> None:
    events = [*kept("online"), beat()]
    assert [seen(*events, after=after) for after in (0.0, 3.0, 3.1)] == [
        ("online", True),
        ("online", True),
        ("silent", True),
    ]


def test_a_coordinator_that_has_not_been_heard_yet_may_be_between_two_beats() -> None:
    assert [seen(*kept("online"), after=after) for after in (1.0, 3.1)] == [("silent", False), ("silent", True)]


def test_a_coordinator_that_has_ended_is_offline_although_it_was_heard_a_moment_ago() -> None:
    assert seen(*kept("online"), beat(), state("offline"), after=0.1) == ("offline", True)


def test_somebody_else_s_beats_keep_no_coordinator_online() -> None:
    assert seen(*kept("online"), beat("thief"), after=4.0) == ("silent", True)


def test_a_beat_that_came_before_keeps_no_coordinator_online() -> None:
    observer = Observer("test", 0.0)
    for event in (*kept("online"), beat(number=7), beat(number=8)):
        observer.take(event, 0.0)
    for recorded in (beat(number=7), beat(number=8)):
        observer.take(recorded, 3.5)
    sight = observer.sight(4.0)
    assert sight is not None
    assert sight.health == "silent"


@pytest.mark.parametrize("successor", [[beat(epoch=2)], [state("online", "other"), beat("other")]])
def test_a_coordinator_that_was_started_again_or_took_over_is_online_with_its_first_beat(
    successor: list[Inbound],
) -> None:
    observer = Observer("test", 0.0)
    for event in (*kept("online"), beat(number=500)):
        observer.take(event, 0.0)
    for event in successor:
        observer.take(event, 9.0)
    sight = observer.sight(9.5)
    assert sight is not None
    assert sight.health == "online"


def test_what_is_not_of_the_protocol_says_nothing() -> None:
    garbage = Inbound(COORDINATOR_BEAT.path("test"), b"{}")
    assert seen(*kept("online"), garbage, Inbound(garbage.topic, b""), after=4.0) == ("silent", True)


def test_a_federation_of_which_a_part_is_missing_is_not_seen() -> None:
    for message in kept("online"):
        observer = Observer("test", 0.0)
        observer.take(message, 0.0)
        assert observer.sight(1.0) is None


def test_who_may_not_read_the_status_is_told() -> None:
    with pytest.raises(AuthenticationFailed):
        Observer("test", 0.0).take(SubscriptionRefused(("mfpt/v1/test/coord/beat",)), 0.0)


def test_a_broker_that_is_lost_is_named_until_it_is_back() -> None:
    observer = Observer("test", 0.0)
    for message in kept("online"):
        observer.take(message, 0.0)
    observer.take(Disconnected("gone", 1), 0.0)
    words = [sight.in_words() for sight in [observer.sight(7.0)] if sight is not None]
    observer.take(Connected(), 8.0)
    words += [sight.in_words() for sight in [observer.sight(8.0)] if sight is not None]
    assert words == [
        "silent: the broker cannot be reached, nothing heard for 7 s",
        "silent: nothing heard for 8 s",
    ]


def as_json(heard: float | None) -> dict[str, Any]:
    clients = [
        ClientStatus(
            id=one, language="swh", state=one_state, phase=phase, progress=0.0, last_seen=0.0, examples=1,
            accuracy=None, device="",
        )
        for one, one_state, phase in DEVICES
    ]  # fmt: skip
    status = FederationStatus(
        federation="test", plan="p", folds=0, buffer=0, buffer_size=1, started=0.0, updates=UpdateCounts(),
        staleness={2: 1}, languages={}, clients=clients,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(Sight(status, "online", heard, listened=9.0).as_json())
    return found


def test_a_line_of_json_has_the_health_and_all_of_the_status() -> None:
    found = as_json(0.25)
    assert (found["health"], found["heard_seconds_ago"]) == ("online", 0.2)
    assert (found["federation"], found["staleness"]) == ("test", {"2": 1})
    assert [(one["state"], one["phase"]) for one in found["clients"]] == [
        ("online", "training"),
        ("offline", "offline"),
    ]


def test_no_device_is_online_in_the_json_of_a_silent_coordinator() -> None:
    found = as_json(None)
    assert (found["health"], found["heard_seconds_ago"]) == ("silent", None)
    assert [(one["state"], one["phase"]) for one in found["clients"]] == [
        ("unknown", "unknown"),
        ("offline", "offline"),
    ]
