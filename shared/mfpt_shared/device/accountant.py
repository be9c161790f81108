"""What a device's updates may give away, in differential privacy: what one costs, and how many fit into a budget.

A *release* is an update that left with noise. Its cost is the rho of zero-concentrated differential privacy (Bun,
Steinke 2016), because costs simply add up, whatever an update depends on. A sum of costs becomes (epsilon, delta) in
`epsilon`. All of a device's data is the unit. With local noise, neighbours are two devices with any data; with
distributed noise, a device and one whose update is zero: that it takes part is no secret.

Rényi orders bound epsilon from above. A privacy loss distribution would say some 8 % less, but none is known that is
right for discrete noise in many dimensions.
"""

import math
from typing import Final

from mfpt_shared.errors import NotInstalled
from mfpt_shared.masking.grid import STEPS_OF_NOISE, grid
from mfpt_shared.plan import Plan
from mfpt_shared.plan_sections import MOST_MEMBERS
from mfpt_shared.tensors import layout, size

MOST_RELEASES: Final = 1_000_000
"""Number of releases beyond which nobody counts."""


def cost_of_release(plan: Plan) -> float:
    """Return what one update costs under a plan with noise, as rho.

    Source: of the discrete Gaussian, Canonne, Kamath, Steinke 2020, theorem 14.
    """
    norm = grid(plan).norm
    assert norm is not None, "the plan has noise"
    if plan.privacy.noise == "local":
        return (2 * norm / STEPS_OF_NOISE) ** 2 / 2
    return cost_of_sum(norm, STEPS_OF_NOISE**2 / MOST_MEMBERS, MOST_MEMBERS, size(layout(plan)))


def cost_of_sum(norm: float, variance: float, summands: int, values: int) -> float:
    """Return what a sum with the noise of several devices costs, as rho.

    A sum of discrete Gaussians is no discrete Gaussian; with the steps of a grid, the difference is below what a float
    can hold.

    Args:
        norm: Largest L2 norm of one device's part, in steps.
        variance: Variance of each device's noise, in squared steps; at least 1/4.
        summands: Number of devices.
        values: Number of values in a part.

    Source: Kairouz, Liu, Steinke 2021, "The distributed discrete Gaussian mechanism", theorem 1, third bound.
    """
    excess = 10 * sum(math.exp(-2 * math.pi**2 * variance * k / (k + 1)) for k in range(1, summands))
    return (norm / math.sqrt(summands * variance) + excess * math.sqrt(values)) ** 2 / 2


def epsilon(cost: float, failure_probability: float) -> float:
    """Return the epsilon of all releases together.

    Args:
        cost: Sum of what they cost, as rho.
        failure_probability: Delta.

    Raises:
        NotInstalled: The accountant is missing.

    Source: Canonne, Kamath, Steinke 2020, proposition 12, as dp-accounting has it.
    """
    try:
        from dp_accounting import ZCDpEvent  # noqa: PLC0415 - plans with noise alone need it
        from dp_accounting.rdp import RdpAccountant  # noqa: PLC0415
    except ImportError as error:
        raise NotInstalled(
            "this plan asks for noise, and dp-accounting, which counts what is given away, is not installed: "
            "pip install 'mfpt[privacy]'"
        ) from error
    accountant = RdpAccountant()
    accountant.compose(ZCDpEvent(cost))
    return float(accountant.get_epsilon(failure_probability))


def releases_left(plan: Plan, spent: float = 0.0) -> int | None:
    """Return how many more updates fit into the plan's budget; None: it has no limit, or none that anybody reaches.

    Args:
        plan: Plan with noise.
        spent: Sum of what the device's earlier updates cost, as rho.

    Raises:
        NotInstalled: The accountant is missing.
    """
    privacy, each = plan.privacy, cost_of_release(plan)
    if not privacy.epsilon:
        return None

    def fits(releases: int) -> bool:
        return epsilon(spent + releases * each, privacy.failure_probability) <= privacy.epsilon

    too_many = 1
    while fits(too_many):
        if too_many > MOST_RELEASES:
            return None
        too_many *= 2
    fitting = 0
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        fitting, too_many = (middle, too_many) if fits(middle) else (fitting, middle)
    return fitting
