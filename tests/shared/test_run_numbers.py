"""Numbers of runs rise, whatever the clock says, and those of two copies differ."""

from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.run_numbers import LATEST, next_run

CLOCKS = st.floats(0, 1e11)


@given(st.lists(CLOCKS, min_size=1, max_size=20))
def test_a_run_has_a_higher_number_than_all_before_whatever_the_clocks_say(clocks: list[float]) -> None:
    last = 0
    for now in clocks:
        number = next_run(last, now)
        assert number > last
        assert number <= 2**53
        last = number


def test_a_run_is_later_than_those_that_an_older_copy_has_forgotten() -> None:
    restored = next_run(0, now=1_750_000_000.0)
    for _ in range(50):
        restored = next_run(restored, now=1_750_000_001.0)
    assert next_run(0, now=1_750_000_002.0) > restored


def test_two_copies_that_are_started_in_the_same_second_have_different_numbers() -> None:
    assert next_run(5, now=1_750_000_000.25) != next_run(5, now=1_750_000_000.26)


def test_two_copies_with_dead_clocks_rarely_have_the_same_number() -> None:
    assert len({next_run(10**15, now=0.0) for _ in range(20)}) > 1


def test_a_clock_in_the_far_future_leaves_numbers_for_later_runs() -> None:
    assert next_run(0, now=1e15) == int(1e6 * LATEST)
