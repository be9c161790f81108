"""What the coordinator said before changes nothing when it comes again."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_edge.session.freshness import Freshness, Replayed
from mfpt_shared.protocol.messages import Ack, Assign, FromCoordinator, Prompt, Stop
from support.session import EPOCH, notice, online, prompt_of

SESSION, READY = 3, 4


def assign(turn: int, *, session: int = SESSION, ready: int = READY, epoch: int = EPOCH) -> Assign:
    return Assign(deadline=60.0, session=session, ready=ready, turn=turn, epoch=epoch)


def stop(*, session: int = SESSION, ready: int = READY) -> Stop:
    return Stop(reason="finished", session=session, ready=ready, epoch=EPOCH)


def heard(*messages: FromCoordinator | Prompt) -> Freshness:
    """Return what a device has seen that has announced itself and then heard these messages."""
    seen = Freshness(session=SESSION)
    seen.announced(READY)
    for message in messages:
        seen.check(message)
    return seen


def in_epoch(message: FromCoordinator, epoch: int) -> FromCoordinator:
    return msgspec.structs.replace(message, epoch=epoch)


@pytest.mark.parametrize(
    "message",
    [
        assign(1),
        Ack(sequence=1),
        stop(),
        notice(),
        online(),
        msgspec.structs.replace(online(), state="offline"),
        Stop(reason="revoked"),
    ],
    ids=lambda message: f"{type(message).__name__} {getattr(message, 'state', '')}",
)
def test_nothing_of_an_epoch_that_is_over_counts(message: FromCoordinator) -> None:
    with pytest.raises(Replayed, match=f"epoch {EPOCH} has begun"):
        heard(in_epoch(online(), EPOCH)).check(in_epoch(message, EPOCH - 1))


def test_no_prompt_of_an_epoch_that_is_over_counts_however_high_its_version() -> None:
    with pytest.raises(Replayed):
        heard(in_epoch(online(), EPOCH)).check(prompt_of(99, epoch=EPOCH - 1))


def test_in_one_epoch_a_prompt_of_a_lower_version_does_not_count() -> None:
    with pytest.raises(Replayed, match="version 7 has come"):
        heard(prompt_of(7)).check(prompt_of(6))


def test_the_newest_prompt_may_come_again_as_a_broker_sends_it_to_whoever_subscribes_again() -> None:
    heard(prompt_of(7), prompt_of(7), prompt_of(8))


def test_a_coordinator_that_was_set_back_has_a_higher_epoch_and_a_lower_version() -> None:
    seen = heard(prompt_of(7), prompt_of(2, epoch=EPOCH + 1))
    assert (seen.epoch, seen.version) == (EPOCH + 1, 2)


def test_an_assignment_counts_once() -> None:
    with pytest.raises(Replayed, match="it came before"):
        heard(assign(1)).check(assign(1))


@pytest.mark.parametrize("message", [assign(2, ready=READY - 1), assign(2, session=SESSION - 1), stop(session=1)])
def test_an_answer_to_an_earlier_announcement_does_not_count(message: FromCoordinator) -> None:
    with pytest.raises(Replayed, match="an earlier announcement"):
        heard().check(message)


def test_that_this_run_is_over_needs_no_announcement_to_answer() -> None:
    over = Stop(reason="incompatible", session=SESSION, newest=SESSION + 1, epoch=EPOCH)
    heard().check(over)
    for session, newest in ((SESSION + 1, SESSION + 2), (SESSION, SESSION)):
        with pytest.raises(Replayed):
            heard().check(msgspec.structs.replace(over, session=session, newest=newest))


def test_after_a_new_announcement_the_answers_to_the_one_before_are_old() -> None:
    seen = heard(assign(5))
    seen.announced(READY + 1)
    with pytest.raises(Replayed):
        seen.check(assign(6))
    seen.check(assign(1, ready=READY + 1))


def test_nothing_is_assigned_to_a_device_that_has_not_announced_itself() -> None:
    with pytest.raises(Replayed):
        Freshness(session=SESSION).check(assign(1))


def test_a_refused_message_is_not_taken_for_the_newest() -> None:
    seen = heard(prompt_of(7), assign(1))
    for message in (assign(9, ready=99, epoch=EPOCH + 1), prompt_of(99, epoch=EPOCH - 1)):
        with pytest.raises(Replayed):
            seen.check(message)
    assert (seen.epoch, seen.version, seen.turn) == (EPOCH, 7, 1)


SMALL = st.integers(0, 4)
MESSAGES: st.SearchStrategy[FromCoordinator | Prompt] = st.one_of(
    st.builds(lambda version, epoch: prompt_of(version, epoch=epoch), SMALL, SMALL),
    st.builds(lambda epoch: in_epoch(online(), epoch), SMALL),
    st.builds(lambda turn, ready, epoch: assign(turn, ready=ready, epoch=epoch), SMALL, st.integers(3, 5), SMALL),
)


def accepted(messages: Sequence[FromCoordinator | Prompt]) -> list[FromCoordinator | Prompt]:
    seen, taken = heard(), []
    for message in messages:
        try:
            seen.check(message)
        except Replayed:
            continue
        taken.append(message)
    return taken


@given(st.lists(MESSAGES, max_size=30))
def test_whatever_comes_what_counts_is_in_order(messages: list[FromCoordinator | Prompt]) -> None:
    taken = accepted(messages)
    epochs = [message.header.epoch if isinstance(message, Prompt) else message.epoch for message in taken]
    prompts = [(one.header.epoch, one.header.version) for one in taken if isinstance(one, Prompt)]
    turns = [message.turn for message in taken if isinstance(message, Assign)]
    assert epochs == sorted(epochs)
    assert prompts == sorted(prompts)
    assert turns == sorted(set(turns))
    assert all(message.ready == READY for message in taken if isinstance(message, Assign))
