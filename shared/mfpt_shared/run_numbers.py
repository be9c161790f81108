"""The numbers of runs: a coordinator's epochs, a device's sessions. Each is higher than all that were used before.

That must hold where an older copy of a folder was restored, which has forgotten numbers, and for two copies that are
started at the same time: their numbers must differ, or nobody could tell them apart.
"""

import secrets
from typing import Final

LATEST: Final = 4_000_000_000.0
"""The clock of a machine that says a later time (in 2096, Unix seconds) is wrong; numbers end at 2^53."""
_LONGEST_STEP: Final = 1000


def next_run(last: int, now: float) -> int:
    """Return the number of a new run: microseconds since 1970, or more where the clock is behind the last run.

    Args:
        last: Number of the last run that is known of; 0 before the first.
        now: Unix seconds.
    """
    by_clock = int(1e6 * min(now, LATEST))
    # By a random step: the clocks of two copies may stand at the same wrong time.
    return max(last + 1 + secrets.randbelow(_LONGEST_STEP), by_clock)
