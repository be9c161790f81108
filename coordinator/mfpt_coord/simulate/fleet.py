"""How fast and how reliable simulated devices are."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the devices of a simulation are like.

    Attributes:
        example_seconds: virtual seconds for one example in one epoch on a usual device.
        latency: virtual seconds from a device to the coordinator or back.
        spread: standard deviation of the logarithm of a device's slowness.
        stragglers: share of devices that are ten times as slow on top.
        dropouts: probability that a device disappears instead of finishing a round; it comes back later.
        late: share of devices that join only after the first rounds.
    """

    example_seconds: float = 0.05
    latency: float = 0.5
    spread: float = 0.3
    stragglers: float = 0.0
    dropouts: float = 0.0
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """One device: how many times slower than usual, and when it joins (virtual seconds)."""

    slowness: float
    joins_at: float


STRAGGLER = 10.0
# Of a usual device's round, before a late one joins.
LATE_ROUNDS = 3.0


def paces(fleet: Fleet, devices: int, usual_round: float, rng: np.random.Generator) -> list[Pace]:
    """Draw the devices' paces; exactly the asked share of them are stragglers or late, rounded.

    Args:
        fleet: distributions.
        devices: their number.
        usual_round: virtual seconds.
        rng: of the draw.
    """
    slowness = np.exp(fleet.spread * rng.standard_normal(devices))
    slowness[rng.permutation(devices)[: round(fleet.stragglers * devices)]] *= STRAGGLER
    late = set(rng.permutation(devices)[: round(fleet.late * devices)].tolist())
    return [
        Pace(float(slow), LATE_ROUNDS * usual_round if at in late else 0.0) for at, slow in enumerate(slowness.tolist())
    ]
