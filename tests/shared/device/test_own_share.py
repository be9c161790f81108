"""How much of its own a device keeps, by what was tried on the held-out examples."""

from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.device.own_share import SHARES, Trials, choose, strength_of

LOSSES = st.lists(st.floats(0, 20), min_size=len(SHARES), max_size=len(SHARES))
USUAL = st.none() | st.floats(0, 1)


def trials(best: float, answers: int, *, gain: float = 0.5) -> Trials:
    """Return trials in which the loss falls from share 0 to a best one by a gain, and rises from there."""
    return Trials(SHARES, [1 + gain * abs(share - best) for share in SHARES], answers)


def test_the_federations_head_is_among_what_is_tried() -> None:
    assert SHARES[0] == 0
    assert list(SHARES) == sorted(set(SHARES))


@given(losses=LOSSES, answers=st.integers(0, 1000), usual=USUAL)
def test_what_is_chosen_was_tried(losses: list[float], answers: int, usual: float | None) -> None:
    assert choose(Trials(SHARES, losses, answers), usual) in SHARES


@given(best=st.sampled_from(SHARES), usual=USUAL)
def test_with_many_answers_the_best_is_chosen_whatever_is_usual(best: float, usual: float | None) -> None:
    assert choose(trials(best, 100_000), usual) == best


@given(best=st.sampled_from(SHARES), usual=st.sampled_from(SHARES))
def test_without_any_answers_the_usual_is_chosen(best: float, usual: float) -> None:
    assert choose(trials(best, 0), usual) == usual


def test_with_few_answers_and_nothing_known_a_device_stays_near_the_federation() -> None:
    assert choose(trials(SHARES[-1], 4), None) < 0.1


@given(best=st.sampled_from(SHARES), answers=st.integers(0, 1000), low=st.floats(0, 1), high=st.floats(0, 1))
def test_what_is_usual_never_moves_the_choice_away_from_itself(
    best: float, answers: int, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    assert choose(trials(best, answers), low) <= choose(trials(best, answers), high)


def test_losses_that_are_all_the_same_leave_the_federations_head() -> None:
    assert choose(Trials(SHARES, [0.7] * len(SHARES), 10_000), None) == 0


@given(share=st.sampled_from(SHARES[1:]), answers=st.integers(1, 10_000))
def test_a_share_says_what_the_federations_head_is_worth(share: float, answers: int) -> None:
    strength = strength_of(share, answers)
    assert abs(answers / (answers + strength) - share) < 1e-9
