"""What is kept of a batch that could not be saved."""

from typing import Any

from mfpt_coord.core.events import ClientSaid, DeviceMet, DeviceRenamed, DistancesFound, Event, MemberSaid, TimePassed
from mfpt_coord.server.batches import said_once
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import ClientState, EvaluationReport, KeyShares, Ready, Reveal
from support.masked_messages import UP
from support.sealing import key_of

SWAHILI = LanguageCode("swh")
ANSWERS = [message for message in UP.values() if isinstance(message, KeyShares | Reveal)]


def state(device: str, number: int) -> Event:
    return ClientSaid(float(number), device, ClientState(state="online", language=SWAHILI, number=number))


def ready(device: str, number: int) -> Event:
    message: dict[str, Any] = {"language": SWAHILI, "examples": 8, "plan": "p", "backbone": "b", "number": number}
    return ClientSaid(float(number), device, Ready(**message))


def evaluated(device: str, number: int) -> Event:
    return ClientSaid(float(number), device, EvaluationReport(language=SWAHILI, version=1, accuracy=0.5, examples=8))


def met(device: str) -> Event:
    return DeviceMet(0.0, device, key_of(device).public, SWAHILI)


def test_the_newest_of_each_kind_that_a_device_has_said_is_kept_in_order() -> None:
    events = [met("d1"), state("d1", 1), ready("d1", 2), evaluated("d1", 3), ready("d2", 4), state("d1", 5)]
    assert said_once(events) == [met("d1"), ready("d1", 2), evaluated("d1", 3), ready("d2", 4), state("d1", 5)]


def test_distances_are_kept_and_what_comes_again_by_itself_is_not() -> None:
    found = DistancesFound(1.0, frozenset([SWAHILI]), {})
    assert said_once([TimePassed(0.0), found, DeviceRenamed(1.0, "d1", "name")]) == [found]


def test_no_more_is_kept_however_long_nothing_can_be_saved() -> None:
    kept = list[Event]()
    for number in range(1000):
        kept = said_once([*kept, state("d1", number), ready("d1", number), state("d2", number)])
    assert kept == [state("d1", 999), ready("d1", 999), state("d2", 999)]


def test_what_members_of_cohorts_answer_is_kept_because_they_say_it_once() -> None:
    said = [MemberSaid(1.0, device, message) for device in ("d1", "d2") for message in ANSWERS]
    assert said_once([*said, TimePassed(2.0)]) == said
