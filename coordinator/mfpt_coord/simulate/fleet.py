"""How fast and how reliable simulated devices are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fleet:
    """Properties of the devices of a simulation.

    Attributes:
        example_seconds: Time for one example in one epoch on a usual device, virtual seconds.
        latency: Time from a device to the coordinator or back, virtual seconds.
        spread: Standard deviation of the logarithm of a device's slowness.
        stragglers: Share of devices that are ten times slower on top.
        dropouts: Probability that a device disappears instead of finishing a round, under masks in its cohort; it comes
            back later.
        late: Share of devices that join only after the first rounds.
    """

    example_seconds: float = 0.05
    latency: float = 0.5
    spread: float = 0.3
    stragglers: float = 0.0
    dropouts: float = 0.0
    late: float = 0.0
