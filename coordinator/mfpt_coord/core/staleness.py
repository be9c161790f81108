"""How much an update counts that was computed from an older version."""


def polynomial(staleness: int, exponent: float) -> float:
    """Return (1 + staleness)^-exponent, in (0, 1].

    Source: FedAsync, Xie et al. 2019, section 5.2; with exponent 0.5 FedBuff, Nguyen et al. 2022.
    """
    return float((1 + staleness) ** -exponent)
