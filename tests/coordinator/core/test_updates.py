"""What happens to an update that arrives: accepted, duplicate, rejected, or too old."""

import hashlib
from typing import Any

import numpy as np
import pytest

from mfpt_coord.core.answers import REJECTED_SECONDS
from mfpt_coord.core.effects import SaveClient, SaveCounts, SaveUpdate, Send
from mfpt_coord.core.schedule import next_deadline
from mfpt_shared.protocol.messages import Ack, Assign, Reject, Resync
from support.coordinator_core import SWAHILI, ZULU, Federation


def test_an_update_is_acknowledged_with_its_staleness_and_kept() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.ready("b")
    federation.update("a")
    federation.update("b", base=0)
    assert Ack(sequence=1, staleness=1) in federation.told("b")
    (saved,) = federation.only(SaveUpdate)
    assert (saved.contribution.client, saved.contribution.header.sequence) == ("b", 1)
    assert federation.state.counts.accepted == 2
    assert federation.state.staleness == {0: 1, 1: 1}


def test_an_update_is_saved_before_it_is_acknowledged() -> None:
    federation = Federation()
    federation.ready("a")
    federation.update("a")
    kinds = [type(effect) for effect in federation.effects]
    assert kinds.index(SaveUpdate) < kinds.index(Send)


def test_a_duplicate_is_acknowledged_again_and_counts_nothing() -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.ready("b")
    federation.update("a")
    before = federation.state
    federation.update("a")
    assert federation.told("a") == [Ack(sequence=1)]
    assert federation.only(SaveUpdate) == []
    assert federation.state.buffer == before.buffer
    assert federation.state.staleness == before.staleness
    assert (federation.state.counts.accepted, federation.state.counts.duplicate) == (1, 1)


def test_a_duplicate_that_comes_after_its_fold_counts_nothing() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a")
    prompts = federation.state.prompts
    federation.update("a", base=0)
    assert federation.told("a") == [Ack(sequence=1)]
    assert not federation.has_fold()
    assert federation.state.prompts is prompts


@pytest.mark.parametrize("sequence", [1, 2])
def test_an_update_that_was_never_stored_is_not_acknowledged_because_its_number_was_used(sequence: int) -> None:
    """The device was restored from a copy that is older than its last updates."""
    federation = Federation(buffer=9)
    federation.ready("a")
    federation.update("a", 1)
    federation.update("a", 2)
    federation.update("a", sequence, delta=0.25)
    assert federation.told("a")[0] == Resync(sequence=sequence, highest=2)
    assert len(federation.state.buffer) == 2
    assert (federation.state.counts.accepted, federation.state.counts.stale) == (2, 1)


def test_an_update_that_comes_again_under_a_higher_number_is_taken_once() -> None:
    federation = Federation(buffer=9)
    federation.ready("a")
    federation.update("a", 5)
    federation.ready("a")
    federation.update("a", 1, delta=0.25)
    for sequence in (6, 7):
        federation.update("a", sequence, delta=0.25, assigned=sequence == 6)
    assert [update.header.sequence for update in federation.state.buffer] == [5, 6]
    assert [type(message) for message in federation.told("a")] == [Reject]


def test_an_answer_names_the_bytes_that_it_answers() -> None:
    federation = Federation(buffer=9)
    federation.ready("a")
    federation.update("a")
    (saved,) = federation.only(SaveUpdate)
    assert [message.sha256 for message in federation.sent("a") if isinstance(message, Ack)] == [
        hashlib.sha256(saved.payload).hexdigest()
    ]


def test_an_update_that_is_too_old_is_answered_with_the_version_to_start_from() -> None:
    federation = Federation(buffer=1, max_staleness=1)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("b", 1, ZULU)
    federation.update("b", 2, ZULU)
    federation.update("a", base=0)
    assert federation.told("a") == [Resync(sequence=1, version=2), Assign(version=2, deadline=600.0)]
    assert federation.state.counts.stale == 1
    assert federation.state.version == 2


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"plan": "other"}, "incompatible", "plan other"),
        ({"backbone": "sha256:x"}, "incompatible", "backbone is sha256:x"),
        ({"tensors": {"prompt": np.zeros((1, 2), np.float32)}}, "incompatible", "'head.bias' is missing"),
        ({"delta": 1001.0}, "diverged", "more than 1000"),
    ],
    ids=["plan", "backbone", "layout", "blown up"],
)
def test_an_update_that_does_not_fit_is_rejected_with_a_reason(
    change: dict[str, Any], reason: str, detail: str
) -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", **change)
    reject = federation.told("a")[0]
    assert isinstance(reject, Reject)
    assert (reject.sequence, reject.reason) == (1, reason)
    assert detail in reject.detail
    assert not federation.has_fold()
    assert federation.state.counts.rejected == 1
    assert [effect.counts.rejected for effect in federation.only(SaveCounts)] == [1]


def test_a_device_whose_update_was_rejected_is_assigned_again_after_a_while() -> None:
    """Even if it is the only one: a federation must never stop because one training diverged."""
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", delta=1e6)
    assert [type(message) for message in federation.told("a")] == [Reject]
    assert next_deadline(federation.state, federation.now) == federation.now + REJECTED_SECONDS
    federation.passes(REJECTED_SECONDS - 1)
    assert federation.told("a") == []
    federation.passes(1)
    assert [type(message) for message in federation.told("a")] == [Assign]


def test_an_update_from_before_the_plan_changed_costs_its_device_no_time() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", plan="old")
    reject, *more = federation.told("a")
    assert isinstance(reject, Reject)
    assert "made under plan old" in reject.detail
    assert [type(message) for message in more] == [Assign]


def test_a_device_that_is_ahead_of_a_coordinator_without_memory_starts_again() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", base=7)
    assert [type(message) for message in federation.told("a")] == [Resync, Assign]
    assert not federation.has_fold()


def test_the_number_of_a_rejected_update_may_be_used_again() -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.ready("b")
    federation.update("a", 1, delta=1e6)
    federation.update("a", 1)
    assert federation.told("a") == [Ack(sequence=1)]


def test_an_update_from_a_device_that_never_said_ready_counts() -> None:
    """After a restart, what waited in outboxes arrives before devices say that they are ready."""
    federation = Federation(buffer=3)
    federation.ready("b", ZULU)
    federation.update("a", 7)
    assert federation.told("a") == [Ack(sequence=7)]
    assert SWAHILI in federation.state.prompts
    assert [effect.client.sequence for effect in federation.only(SaveClient)] == [7]


def test_the_usual_duration_follows_what_was_observed() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.now += 100
    federation.update("a", 1)
    assert federation.state.clients["a"].seconds == 100
    federation.now += 50
    federation.update("a", 2)
    assert federation.state.clients["a"].seconds == 75
