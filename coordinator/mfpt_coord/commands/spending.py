"""What devices spend under a plan with noise, for an operator who chooses how much noise there is."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from mfpt_shared.device.accountant import cost_of_release, epsilon, releases_left
from mfpt_shared.plan import Plan

UPDATES: Final = (1, 2, 5, 10, 20, 50, 100)
"""Numbers of updates for which the table says what they come to."""


class Spending(msgspec.Struct, frozen=True):
    """What a device spends under a plan.

    Attributes:
        epsilon_after: Number of updates -> epsilon.
        updates: Number of updates that the plan's budget is enough for; None: it has no limit, or for any number.
    """

    epsilon_after: Mapping[int, float]
    updates: int | None


def spending(plan: Plan) -> Spending | None:
    """Return what a device spends; None where the plan has no noise.

    Raises:
        NotInstalled: The accountant is missing.
    """
    privacy = plan.privacy
    if privacy.noise == "none":
        return None
    each = cost_of_release(plan)
    after = {updates: round(epsilon(updates * each, privacy.failure_probability), 2) for updates in UPDATES}
    return Spending(after, releases_left(plan))


def in_words(plan: Plan, spent: Spending) -> Iterator[str]:
    """Yield lines for people."""
    privacy = plan.privacy
    yield f"{privacy.noise} noise of {privacy.noise_multiplier:g} x clip_norm, delta {privacy.failure_probability:g}:"
    rows = [
        ("after updates", *map(str, spent.epsilon_after)),
        ("epsilon", *(f"{one:.2f}" for one in spent.epsilon_after.values())),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    if not privacy.epsilon:
        yield "there is no limit: privacy.epsilon is 0"
    else:
        enough = "more than a million" if spent.updates is None else spent.updates
        yield f"privacy.epsilon {privacy.epsilon:g} is enough for {enough} updates of each device"
