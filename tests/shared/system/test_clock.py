"""Time in which the machine was awake."""

import time

from mfpt_shared.system.clock import awake_seconds


def test_time_passes_while_the_machine_is_awake() -> None:
    began = awake_seconds()
    while awake_seconds() == began:
        time.sleep(0.001)
    assert 0 < awake_seconds() - began < 60
