"""What is an answer to an update that waits, and what becomes of one that gets another number."""

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest

from mfpt_edge.core.events import TimePassed, Told
from mfpt_edge.session.sent_updates import answers_what_waits, renumber, shows_too_much
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.plan import Plan, Privacy, Task
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import Ack, Reject, Resync, Update, UpdateHeader
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import Quantised, quantise

HEADER: Final = UpdateHeader(sequence=5, language="swh", base_version=3, examples=9, plan="p", backbone="b")
UPDATE: Final = encode(
    Update(
        HEADER,
        {
            "prompt": Quantised(np.array([[1, -2], [3, 4]], np.int8), np.array([0.5, 0.25], np.float32)),
            "head.bias": np.array([0.1, 0.2], np.float32),
        },
    )
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    box = Outbox(tmp_path)
    box.put(5, UPDATE)
    return box


@pytest.mark.parametrize("kind", [Ack, Reject, Resync])
def test_an_answer_to_another_update_of_the_same_number_changes_nothing(outbox: Outbox, kind: Any) -> None:
    """Two copies of a state folder are answered on one topic."""
    more = {"reason": "diverged", "detail": ""} if kind is Reject else {}
    digests = [hashlib.sha256(UPDATE).hexdigest(), hashlib.sha256(b"another").hexdigest(), ""]
    answers = [Told(1.0, kind(sequence=5, sha256=digest, **more)) for digest in digests]
    assert [answers_what_waits(outbox, answer, sha256) for answer in answers] == [True, False, True]


def test_what_answers_no_update_is_for_the_core_to_judge(outbox: Outbox) -> None:
    assert answers_what_waits(outbox, Told(1.0, Ack(sequence=9, sha256="0" * 64)), sha256)
    assert answers_what_waits(outbox, TimePassed(1.0), sha256)


def test_an_update_with_another_number_is_the_same_but_for_that(outbox: Outbox) -> None:
    renumber(outbox, 5, 9)
    assert outbox.sequences() == (9,)
    again = decode(CLIENT_UP, outbox.payload(9))
    assert isinstance(again, Update)
    assert again.header.sequence == 9
    renumber(outbox, 9, 5)
    assert outbox.payload(5) == UPDATE


def test_an_update_that_got_its_number_before_gets_no_second_one(outbox: Outbox) -> None:
    """The disk was full at the last step, and all steps are tried again."""
    renumber(outbox, 5, 9)
    renumber(outbox, 5, 9)
    assert outbox.sequences() == (9,)


def test_an_update_that_left_under_masks_has_left_under_its_new_number_too(outbox: Outbox) -> None:
    outbox.note_sent(5)
    renumber(outbox, 5, 9)
    assert outbox.was_sent(9)


def test_what_was_shows_too_much_under_another_plan_is_known_by_its_bits(outbox: Outbox) -> None:
    """In the open, the coordinator would have read it before it could say that it does not fit."""
    plan = Plan(task=Task(labels=("a", "b")))
    header = msgspec.structs.replace(HEADER, sequence=6)
    outbox.put(6, encode(Update(header, {"head.bias": np.array([0.1, 0.2], np.float32)})))
    own = msgspec.structs.replace(HEADER, sequence=7, plan=plan.digest)
    outbox.put(7, encode(Update(own, {"head.bias": np.array([0.1, 0.2], np.float32)})))
    assert list(shows_too_much(outbox, plan)) == [6]


def test_what_was_made_without_noise_is_not_sent_under_a_plan_with_noise(outbox: Outbox) -> None:
    """It would be outside of what the budget counts."""
    without = Plan(task=Task(labels=("a", "b")))
    noise = Privacy(clip_norm=1.0, noise="local", noise_multiplier=2.0)
    with_noise = msgspec.structs.replace(without, privacy=noise)
    own = msgspec.structs.replace(HEADER, sequence=7, plan=with_noise.digest)
    outbox.put(7, encode(Update(own, {"head.bias": quantise(np.array([[0.1, 0.2]], np.float32))})))
    assert list(shows_too_much(outbox, without)) == []
    assert list(shows_too_much(outbox, with_noise)) == [5]
