"""What the soaked processes use over time, and how steeply it grows."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

_HOUR: Final = 3600.0

Point = tuple[int, float, float]
"""Which life of a process it is, seconds since that life was first seen, and a value."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at everything; memory and sizes are in MB. None: the process did not run.

    Attributes:
        seconds: Time since the soak began.
        coordinator_life: Which start of the coordinator it is.
        broker_life: Process id of the broker.
        database: The database, with its log.
        broker_folder: The folder of the broker.
    """

    seconds: float
    coordinator_life: int
    broker_life: int
    coordinator_rss: float | None
    coordinator_descriptors: int | None
    broker_rss: float | None
    broker_descriptors: int | None
    database: float
    broker_folder: float
    acknowledged: int
    stored: int
    folded: int
    waiting: int
    lost: int
    twice: int


QUANTITIES: Final = {
    "memory of the coordinator, MB": "coordinator_rss",
    "descriptors of the coordinator": "coordinator_descriptors",
    "memory of the broker, MB": "broker_rss",
    "descriptors of the broker": "broker_descriptors",
    "database, MB": "database",
    "folder of the broker, MB": "broker_folder",
}
"""What is looked at -> field of a sample."""


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """How a quantity went: its first, last and highest value after the warm-up, and its growth an hour.

    Attributes:
        per_hour: Slope of the least squares line, in which each life of the process has a level of its own; None where
            no life was long enough.
    """

    first: float
    last: float
    most: float
    per_hour: float | None


def trends(samples: list[Sample], warm_up: float) -> dict[str, Trend]:
    """Return the trend of each quantity.

    Args:
        samples: Samples, in order.
        warm_up: Seconds at the beginning of each life that do not count.
    """
    found = {}
    for name, field in QUANTITIES.items():
        points = _warm(_points(samples, field), warm_up)
        if points:
            values = [value for _, _, value in points]
            found[name] = Trend(first=values[0], last=values[-1], most=max(values), per_hour=slope(points))
    return found


def _points(samples: Iterable[Sample], field: str) -> list[Point]:
    points, born = [], dict[int, float]()
    for sample in samples:
        value = getattr(sample, field)
        if value is None:
            continue
        life = getattr(sample, f"{field.partition('_')[0]}_life", 0) if _is_of_process(field) else 0
        points.append((life, sample.seconds - born.setdefault(life, sample.seconds), float(value)))
    return points


def _is_of_process(field: str) -> bool:
    return field.endswith(("_rss", "_descriptors"))


def _warm(points: list[Point], warm_up: float) -> list[Point]:
    return [point for point in points if point[1] >= warm_up]


def slope(points: Iterable[Point]) -> float | None:
    """Return the growth an hour within lives; None where there is none with two points at different times."""
    lives = defaultdict[int, list[tuple[float, float]]](list)
    for life, at, value in points:
        lives[life].append((at, value))
    rise = spread = 0.0
    for life_points in lives.values():
        middle = sum(at for at, _ in life_points) / len(life_points)
        level = sum(value for _, value in life_points) / len(life_points)
        rise += sum((at - middle) * (value - level) for at, value in life_points)
        spread += sum((at - middle) ** 2 for at, _ in life_points)
    return _HOUR * rise / spread if spread else None
