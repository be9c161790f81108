"""How much noise a budget asks for."""

from typing import Final, Literal

from mfpt_shared.device.accountant import cost_of_release, epsilon
from mfpt_shared.plan import Plan
from reproduction.setting import changed

NoiseKind = Literal["local", "distributed"]

CLIP: Final = 8.0
"""Largest norm of an update where there is noise and the plan says nothing: about what updates of the presets have."""

_LEAST: Final = 1e-3
_MOST: Final = 200.0
_ENOUGH: Final = 1e-3


def with_noise(plan: Plan, kind: NoiseKind, multiplier: float, clip: float) -> Plan:
    """Return a plan whose updates travel with noise.

    Args:
        plan: Plan without noise.
        kind: `local`: in the open, each with all of it; `distributed`: under masks, each with its part.
        multiplier: Standard deviation, in multiples of the largest norm of an update.
        clip: Largest norm of an update, where the plan has none.
    """
    aggregation = "masked" if kind == "distributed" else "open"
    norm = plan.privacy.clip_norm or clip
    return changed(plan, "privacy", aggregation=aggregation, noise=kind, noise_multiplier=multiplier, clip_norm=norm)


def spent(plan: Plan, rounds: int) -> float:
    """Return the epsilon of a device that has made so many updates under a plan with noise."""
    return epsilon(rounds * cost_of_release(plan), plan.privacy.failure_probability)


def multiplier_for(plan: Plan, kind: NoiseKind, budget: float, rounds: int) -> float:
    """Return the least noise with which a device can make so many updates within a budget, to a thousandth.

    Args:
        plan: Plan without noise.
        kind: See `with_noise`.
        budget: Epsilon.
        rounds: Number of updates.
    """
    low, high = _LEAST, _MOST
    while high / low > 1 + _ENOUGH:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if spent(with_noise(plan, kind, middle, 1.0), rounds) <= budget else (middle, high)
    return high
