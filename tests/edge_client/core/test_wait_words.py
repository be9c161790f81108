"""What a device waits for, in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mfpt_edge.core.state import State
from mfpt_edge.core.wait_words import Place, Wait, in_words
from mfpt_edge.core.waits import Facts, Kind
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Progress
from support.edge_core import PLAN

STATE = State(LanguageCode("swh"), connected=True, plan=PLAN, prepared=True, phase="idle", coordinator=5, published=2)
PLACE = Place("radio", "d1")


def said(
    kind: Kind, state: State = STATE, *, place: Place = PLACE, at: float = 0.0, longest: int = 0, **facts: Any
) -> Wait:
    known = replace(Facts(kind=kind, announced=state.published, is_told=True), **facts)
    wait = in_words(state, known, place, at=at, since="14:02", longest=longest)
    assert wait is not None
    return wait


def turn(**progress: Any) -> str:
    return str(said("turn", progress=Progress(version=2, places=40, **progress)))


def test_a_device_waits_for_the_languages_that_train() -> None:
    assert turn(at_work={"zul": 0.69}, training=1, updates=1, needed=2) == (
        "waiting since 14:02 for zul (69 %) before version 3; 1 of 2 updates is there"
    )
    assert "for zul (5 %), hau (40 %), yor (40 %) and 2 more languages before" in turn(
        at_work={"zul": 0.05, "hau": 0.4, "yor": 0.4, "twi": 0.6, "wol": 0.7}, training=9
    )
    assert "for zul (5 %) and hau (40 %) before" in turn(at_work={"zul": 0.05, "hau": 0.4}, training=9)


def test_a_device_waits_for_a_place_where_all_are_taken() -> None:
    assert turn(training=40) == "waiting since 14:02 for a place: 40 devices train"


def test_a_device_that_has_trained_from_the_newest_version_waits_for_the_next_however_many_train() -> None:
    progress = Progress(version=2, training=40, places=40, at_work={"zul": 0.5}, needed=20)
    assert "before version 3" in str(said("turn", replace(STATE, trained_from=2), progress=progress))


def test_where_nobody_trains_and_updates_are_missing_more_devices_must_come() -> None:
    assert turn(updates=1, needed=3) == (
        "waiting since 14:02 for 2 more updates before version 3; 1 of 3 updates is there, and nobody else trains: it "
        "goes on when more devices come"
    )


def test_a_coordinator_that_says_nothing_of_the_others_is_waited_for_all_the_same() -> None:
    assert str(said("turn")) == "waiting since 14:02 for the coordinator to give this device work"


def test_a_new_language_waits_for_its_first_prompt() -> None:
    assert turn(joining=("swh",), training=1) == "waiting since 14:02 for the first prompt of swh"


def test_an_unheard_device_is_told_which_right_may_be_missing() -> None:
    wait = said("turn", at=100.0, due_since=1.0, progress=Progress(version=2, training=1, places=40))
    assert wait.is_trouble
    assert "may this device publish on mfpt/v1/radio/client/d1/up?" in wait.advice


def test_a_federation_of_which_nothing_is_heard_is_named_with_the_option_that_names_it() -> None:
    lost = replace(STATE, plan=None, coordinator=None)
    assert str(said("plan", lost)) == (
        "nothing is heard of federation radio since 14:02; is that the name (--federation), and the broker (--broker)? "
        "Does `mfpt-coord serve` run there? If so, may this device read mfpt/v1/radio/plan?"
    )
    assert "--federation" not in str(said("plan", lost, place=Place("radio", "d1", is_named_by_hand=False)))


def test_a_plan_that_does_not_come_from_a_coordinator_that_is_there_is_a_matter_of_the_broker() -> None:
    wait = said("plan", replace(STATE, plan=None))
    assert wait.advice == (
        "the coordinator is there: may this device read mfpt/v1/radio/plan? And does the broker pass a message as long "
        "as the plan?"
    )


def test_a_refused_subscription_is_named_and_the_federation_where_its_name_is_in_doubt() -> None:
    refused = ("a/plan", "b")
    assert "refused since 14:02 to let this device read a/plan, b" in said("rights", refused=refused).text
    assert said("rights", refused=refused).advice.startswith("ask the broker's operator for the right")
    unsure = said("rights", replace(STATE, plan=None), refused=refused)
    assert unsure.advice.startswith("is radio the federation's name (--federation)? If so, ask")


@pytest.mark.parametrize(
    ("kind", "outbox", "text"),
    [
        ("coordinator", (), "no coordinator of federation radio since 14:02; updates are kept; it goes on when"),
        ("coordinator", (4, 5), "since 14:02; 2 updates are kept, and sent when it is there; it goes on when"),
        ("broker", (4,), "no connection to the broker since 14:02; 1 update is kept, and sent when it is there"),
        ("answer", (4, 5), "2 updates wait since 14:02 for the coordinator's answer; sent again until it comes"),
        ("answer", (4,), "1 update waits since 14:02"),
    ],
)
def test_what_becomes_of_updates_meanwhile_is_said(kind: Kind, outbox: tuple[int, ...], text: str) -> None:
    assert text in str(said(kind, replace(STATE, outbox=outbox)))


def test_a_training_without_a_broker_goes_on() -> None:
    assert said("broker", replace(STATE, phase="training")).advice == "training goes on, and its update is kept"


def test_a_broker_that_cuts_is_asked_for_the_length_that_the_device_needs() -> None:
    assert "does the broker pass messages of 12,345 bytes" in said("long messages", longest=12345).advice
    assert "messages of 12,345 bytes" in said("answer", replace(STATE, outbox=(1,)), longest=12345).advice


def test_a_prompt_that_does_not_come_is_named_with_its_topic() -> None:
    wait = said("prompt", replace(STATE, assigned=3, version=2))
    assert wait.text == "version 3 of the prompt has not come since 14:02"
    assert "may this device read mfpt/v1/radio/prompt/swh" in wait.advice


def test_under_masks_it_is_said_how_many_others_are_there() -> None:
    wait = said("others", progress=Progress(updates=2, needed=5))
    assert str(wait).endswith("for others whose updates are added up with this one's; 2 of 5 updates are there")


def test_the_guide_for_volunteers_explains_what_is_really_said() -> None:
    lost = replace(STATE, plan=None, coordinator=None)
    really = (
        turn(at_work={"zul": 0.69}, training=1, needed=2),
        turn(training=40),
        turn(updates=1, needed=3),
        *(str(said(kind, lost)) for kind in ("coordinator", "broker", "plan", "rights")),
        str(said("turn", at=100.0, due_since=1.0, progress=Progress(version=2, training=1, places=40))),
        str(said("long messages", lost, longest=9)),
        str(said("conditions", replace(STATE, against="its owner has paused it"))),
        str(said("over", replace(STATE, published=12))),
    )
    guide = (Path(__file__).parents[3] / "docs" / "guide-volunteers.md").read_text(encoding="utf-8")
    table = guide.partition("### What it waits for")[2].partition("###")[0]
    rows = [line.split("|")[1].strip(" …") for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(really)
    for row, sentence in zip(rows, really, strict=True):
        assert sentence.replace(" since 14:02", "").startswith(row.replace(" since 14:02", ""))
