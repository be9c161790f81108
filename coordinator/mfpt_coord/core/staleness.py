"""How much an update counts that is based on an older version."""

from mfpt_shared.plan import Aggregation


def freshness(staleness: int, plan: Aggregation) -> float:
    """Return the factor in an update's weight, in (0, 1]; 1 for an update of the newest version.

    With staleness tau, exponent a and grace b:

        constant     1
        polynomial   (1 + tau)^-a
        hinge        1 up to tau = b, from there 1 / (1 + a (tau - b))

    Source: FedAsync, Xie et al. 2019, section 5.2; `polynomial` with exponent 0.5 is FedBuff's, Nguyen et al. 2022.

    Args:
        staleness: Number of versions that the update is behind, 0 or more.
        plan: Names the function, a and b.
    """
    if plan.staleness == "constant":
        return 1.0
    if plan.staleness == "hinge":
        return 1.0 / (1.0 + plan.staleness_exponent * max(0, staleness - plan.staleness_grace))
    return float((1 + staleness) ** -plan.staleness_exponent)
