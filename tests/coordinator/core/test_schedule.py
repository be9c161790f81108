"""Who trains next, until when, and when a buffer is folded."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mfpt_coord.core.client import Assignment, Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.schedule import (
    MIN_SECONDS,
    QUIET_SECONDS,
    allowance,
    assignments,
    eligible,
    fold_deadline,
    fold_is_due,
    fold_size,
    next_deadline,
)
from mfpt_coord.core.state import Contribution, State, initial
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol.messages import UpdateHeader

NOW = 1000.0
SWAHILI, ZULU, ENGLISH = LanguageCode("swh"), LanguageCode("zul"), LanguageCode("eng")
FOLD_AFTER = 600.0
PATIENCE = 3.0


def device(name: str, language: LanguageCode = SWAHILI, **changes: Any) -> Client:
    return replace(Client(name, language, examples=10, state="online", ready=True), **changes)


def waiting_update(client: str, language: LanguageCode = SWAHILI, at: float = NOW) -> Contribution:
    header = UpdateHeader(sequence=1, language=language, base_version=0, examples=10, plan="", backbone="")
    return Contribution(client, header, language, 0, np.zeros(8, np.float32), at)


def federation(*clients: Client, **changes: Any) -> State:
    usual = {"buffer": 3, "concurrency": 2, "fold_after": FOLD_AFTER, "patience": PATIENCE}
    aggregation = usual | changes.pop("aggregation", {})
    plan = Plan(
        task=Task(labels=("a", "b")),
        backbone=BackboneSpec(width=2, layers=2),
        prompt=PromptSpec(tokens=1),
        training=Training(head_start=changes.pop("head_start", "zero")),
        aggregation=Aggregation(**{"start_together": 0} | aggregation),
    )
    state = initial(plan)
    first = next(iter(state.prompts.values()))
    prompts = {**state.prompts, **{client.language: first for client in clients}}
    return replace(state, prompts=prompts, clients=Clients.of(clients, NOW), **changes)


def in_training(until: float, version: int = 0) -> Assignment:
    return Assignment(version, since=NOW - 50, deadline=until)


def could_start(state: State, at: float) -> list[str]:
    return [name for devices in eligible(state, at).values() for _, name in devices]


def names(state: State) -> list[str]:
    return [client.id for client, _ in assignments(state, NOW)]


def test_the_language_whose_prompt_has_seen_the_fewest_examples_trains_first() -> None:
    state = federation(
        device("a", SWAHILI),
        device("b", ZULU),
        device("c", ENGLISH),
        contributed={SWAHILI: 500, ZULU: 20, ENGLISH: 100},
    )
    assert names(state) == ["b", "c"]


def test_a_language_that_is_being_trained_counts_as_if_it_had_arrived() -> None:
    state = federation(
        device("a", SWAHILI, assignment=in_training(NOW + 10)), device("b", SWAHILI), device("c", ZULU), contributed={}
    )
    assert names(state) == ["c"]


def test_languages_are_assigned_in_rotation() -> None:
    state = federation(
        *(device(name, SWAHILI) for name in "abc"), device("y", ZULU), aggregation={"concurrency": 3}, contributed={}
    )
    assert names(state) == ["a", "y", "b"]


def test_among_devices_of_one_language_the_one_that_has_waited_longest_goes_first() -> None:
    state = federation(
        device("a", contributed=4), device("b", contributed=2), device("c"), version=5, aggregation={"concurrency": 3}
    )
    assert names(state) == ["c", "b", "a"]


@pytest.mark.parametrize(
    "reason",
    [
        {"ready": False},
        {"assignment": in_training(NOW + 10)},
        {"assignment": in_training(NOW - 10)},
        {"contributed": 0},
    ],
    ids=["not ready", "training", "late", "has trained from this version"],
)
def test_a_device_that_cannot_train_now_is_not_assigned(reason: dict[str, Any]) -> None:
    assert could_start(federation(device("a", **reason)), NOW) == []


def test_a_device_whose_language_has_no_prompt_yet_waits() -> None:
    state = federation(device("a"))
    without = replace(
        state, prompts={language: state.prompts[language] for language in state.prompts if language != SWAHILI}
    )
    assert could_start(without, NOW) == []


def test_no_more_devices_train_than_there_are_places() -> None:
    state = federation(device("a", assignment=in_training(NOW + 10)), device("b"), device("c"))
    assert names(state) == ["b"]


def test_a_late_devices_place_is_given_away() -> None:
    late = [device(name, assignment=in_training(NOW)) for name in "ab"]
    state = federation(*late, device("c"), device("d"))
    assert state.clients.indices.whole.at_work == 0
    assert names(state) == ["c", "d"]


def test_an_assignment_starts_now_and_ends_after_the_devices_own_allowance() -> None:
    state = federation(device("a", seconds=100.0), version=7)
    ((_, assignment),) = assignments(state, NOW)
    assert assignment == Assignment(version=7, since=NOW, deadline=NOW + PATIENCE * 100)


def test_a_device_may_take_a_few_times_as_long_as_usual() -> None:
    plan = Aggregation(fold_after=FOLD_AFTER, patience=PATIENCE)
    assert allowance(device("a", seconds=100.0), plan) == PATIENCE * 100
    assert allowance(device("a", seconds=0.1), plan) == MIN_SECONDS
    assert allowance(device("a", seconds=None), plan) == FOLD_AFTER


@pytest.mark.parametrize("patience", [1.5, 3.0, 20.0])
def test_the_plan_says_how_many_times_as_long_as_usual_is_waited(patience: float) -> None:
    plan = {"patience": patience}
    busy = device("a", seconds=20.0)
    assert allowance(busy, Aggregation(patience=patience)) == patience * 20
    assert fold_deadline(federation(busy, buffer=(waiting_update("x"),), aggregation=plan), NOW) == NOW + patience * 20


def test_an_empty_buffer_is_never_due() -> None:
    state = federation(device("a", contributed=0))
    assert fold_deadline(state, NOW) == float("inf")
    assert not fold_is_due(state, 1e12)


@pytest.mark.parametrize(("devices", "size"), [(0, 1), (1, 1), (2, 1), (3, 2), (7, 4)])
def test_a_plan_without_buffer_folds_half_of_those_who_take_part(devices: int, size: int) -> None:
    gone = device("gone", state="offline", ready=False)
    not_ready = device("early", ready=False)
    clients = [device(f"d{number}") for number in range(devices)]
    assert fold_size(federation(*clients, gone, not_ready, aggregation={"buffer": 0})) == size
    assert fold_size(federation(*clients, aggregation={"buffer": 5})) == 5


def test_devices_whose_updates_wait_take_part_even_if_they_are_gone() -> None:
    buffer = tuple(waiting_update(name) for name in "xyz")
    state = federation(device("x"), buffer=buffer, aggregation={"buffer": 0})
    assert fold_size(state) == 2
    assert fold_is_due(state, NOW)


def test_a_full_buffer_is_due_at_once() -> None:
    state = federation(device("a"), buffer=tuple(waiting_update(name) for name in "xyz"))
    assert fold_is_due(state, NOW)


@pytest.mark.parametrize(
    ("other", "joining"),
    [
        (device("a", contributed=0), [ZULU]),
        (device("a", assignment=in_training(NOW + 100)), []),
        (device("a"), []),
    ],
    ids=["a language is joining", "somebody trains", "somebody could still start"],
)
def test_a_full_buffer_of_first_heads_in_closed_form_waits_for_all_who_are_at_work(
    other: Client, joining: list[LanguageCode]
) -> None:
    buffer = tuple(waiting_update(name) for name in "xyz")
    state = federation(other, buffer=buffer, head_start="ridge", joining=frozenset(joining))
    assert not fold_is_due(state, NOW)
    assert fold_is_due(state, NOW + FOLD_AFTER)
    assert fold_is_due(replace(state, version=1), NOW)


def test_the_first_versions_wait_for_all_who_are_at_work() -> None:
    buffer = tuple(waiting_update(name) for name in "xyz")
    state = federation(device("a", assignment=in_training(NOW + 100)), buffer=buffer, aggregation={"start_together": 2})
    assert not fold_is_due(replace(state, version=1), NOW)
    assert fold_is_due(replace(state, version=1), NOW + FOLD_AFTER)
    assert fold_is_due(replace(state, version=2), NOW)


def test_a_full_buffer_of_first_heads_in_closed_form_is_due_once_nobody_is_at_work() -> None:
    buffer = tuple(waiting_update(name) for name in "xyz")
    gone = device("a", ready=False, state="offline")
    for other in (device("a", contributed=0), gone, device("a", assignment=in_training(NOW - 1))):
        assert fold_is_due(federation(other, buffer=buffer, head_start="ridge"), NOW)


def test_a_buffer_waits_while_somebody_trains() -> None:
    state = federation(device("a", assignment=in_training(NOW + 100)), buffer=(waiting_update("x"),))
    assert not fold_is_due(state, NOW)


def test_a_buffer_waits_while_somebody_could_still_start() -> None:
    state = federation(device("a"), buffer=(waiting_update("x"),))
    assert not fold_is_due(state, NOW)


def test_a_buffer_waits_for_a_language_that_is_joining() -> None:
    state = federation(device("a", contributed=0), buffer=(waiting_update("a"),), joining=frozenset([ZULU]))
    assert not fold_is_due(state, NOW)


@pytest.mark.parametrize(
    "other",
    [{"contributed": 0}, {"ready": False, "state": "offline"}, {"assignment": in_training(NOW - 1)}],
    ids=["has contributed", "is gone", "is late"],
)
def test_a_buffer_that_nobody_else_can_add_to_is_due_after_a_moment(other: dict[str, Any]) -> None:
    buffer = (waiting_update("x", at=NOW - 300), waiting_update("a", at=NOW))
    state = federation(device("a", contributed=0), device("b", **other), buffer=buffer)
    assert not fold_is_due(state, NOW + QUIET_SECONDS / 2)
    assert fold_is_due(state, NOW + QUIET_SECONDS)


def test_the_scheduler_looks_again_when_a_quiet_buffer_is_due() -> None:
    state = federation(device("a", contributed=0), buffer=(waiting_update("a"),))
    assert next_deadline(state, NOW) == NOW + QUIET_SECONDS


def test_a_buffer_is_due_when_its_time_is_up() -> None:
    busy = device("a", assignment=in_training(NOW + 1e6))
    state = federation(busy, buffer=(waiting_update("x", at=NOW), waiting_update("y", at=NOW + 500)))
    assert not fold_is_due(state, NOW + FOLD_AFTER - 1)
    assert fold_is_due(state, NOW + FOLD_AFTER)


def test_the_time_of_a_buffer_follows_the_usual_duration_of_the_devices() -> None:
    clients = [device("a", seconds=20.0), device("b", seconds=30.0), device("c", seconds=5000.0)]
    assert fold_deadline(federation(*clients, buffer=(waiting_update("x"),)), NOW) == NOW + PATIENCE * 30


def test_the_time_of_a_buffer_is_never_longer_than_the_plan_says() -> None:
    state = federation(device("a", seconds=5000.0), buffer=(waiting_update("x"),))
    assert fold_deadline(state, NOW) == NOW + FOLD_AFTER


def test_devices_that_have_gone_do_not_hold_a_buffer_up() -> None:
    clients = [device("a", seconds=20.0), device("b", seconds=200.0, state="offline", ready=False)]
    assert fold_deadline(federation(*clients, buffer=(waiting_update("x"),)), NOW) == NOW + PATIENCE * 20


def test_the_scheduler_looks_again_at_the_next_deadline() -> None:
    idle = federation(device("a"))
    assert next_deadline(idle, NOW) == float("inf")
    clients = [device("a", assignment=in_training(NOW + 70)), device("b", assignment=in_training(NOW + 40))]
    assert next_deadline(federation(*clients), NOW) == NOW + 40
    assert next_deadline(federation(*clients, buffer=(waiting_update("x", at=NOW - 580),)), NOW) == NOW + 20
    assert next_deadline(federation(*clients), NOW + 50) == NOW + 70


def test_a_device_that_is_silent_for_twice_its_time_is_asked_again() -> None:
    state = federation(device("a", assignment=Assignment(0, NOW - 20, NOW - 10)))
    assert could_start(state, NOW - 1) == []
    assert could_start(state, NOW) == ["a"]
    assert next_deadline(state, NOW - 1) == NOW
