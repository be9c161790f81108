"""What the system does to a program that is to end, on every system."""

import signal

import pytest

from mfpt_shared.system.signals import asked_to_end

ASKING = [number for number in signal.Signals if number.name in ("SIGTERM", "SIGBREAK")]


@pytest.mark.parametrize("number", ASKING, ids=lambda number: number.name)
def test_whoever_asks_a_program_to_end_is_heard_until_the_context_ends(number: signal.Signals) -> None:
    before, asked = signal.getsignal(number), []
    with asked_to_end(lambda: asked.append(number)):
        signal.raise_signal(number)
        assert asked == [number]
    assert signal.getsignal(number) is before
