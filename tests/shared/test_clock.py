"""The clock for durations tells Unix time, and does not follow a wall clock that jumps."""

from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.clock import SteadyClock

JUMPS = st.floats(-1e9, 1e9)
STEPS = st.floats(0, 1e6)


@given(st.floats(0, 4e9), st.lists(st.tuples(JUMPS, STEPS), max_size=20))
def test_time_passes_evenly_whatever_the_wall_clock_does(start: float, life: list[tuple[float, float]]) -> None:
    wall, monotonic = start, 7.0
    clock = SteadyClock(lambda: wall, lambda: monotonic)
    passed = 0.0
    for jump, step in life:
        wall, monotonic, passed = wall + jump + step, monotonic + step, passed + step
        assert abs(clock() - (start + passed)) < 1e-3


def test_the_clock_of_this_machine_goes_forward() -> None:
    clock = SteadyClock()
    assert clock() <= clock()
