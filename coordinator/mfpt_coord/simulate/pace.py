"""How fast each simulated device is, and when it joins: drawn once for an experiment."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.device.trainer import Share
from mfpt_shared.plan import Plan

STRAGGLER = 10.0
# Rounds of a usual device before a late one joins.
LATE_ROUNDS = 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """One device: how many times slower than usual, and when it joins (virtual seconds)."""

    slowness: float
    joins_at: float


def usual_round(fleet: Fleet, plan: Plan, shares: Sequence[Share]) -> float:
    """Return the duration of a round of a device that holds as much as most (the median), virtual seconds."""
    held = statistics.median(len(share.rows) for share in shares)
    return fleet.example_seconds * held * plan.training.epochs_for(int(held))


def paces(fleet: Fleet, devices: int, usual_round: float, rng: np.random.Generator) -> list[Pace]:
    """Draw the devices' paces; the shares of stragglers and of late devices are met exactly, except for rounding.

    Args:
        fleet: Distributions to draw from.
        devices: Number of devices.
        usual_round: Duration of a usual device's round, virtual seconds.
        rng: Source of randomness.
    """
    slowness = np.exp(fleet.spread * rng.standard_normal(devices))
    slowness[rng.permutation(devices)[: round(fleet.stragglers * devices)]] *= STRAGGLER
    late = set(rng.permutation(devices)[: round(fleet.late * devices)].tolist())
    return [
        Pace(float(slow), LATE_ROUNDS * usual_round if at in late else 0.0) for at, slow in enumerate(slowness.tolist())
    ]
