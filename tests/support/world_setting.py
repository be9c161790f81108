"""What a small world is made of, and what becomes of it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mfpt_shared.plan import Plan
from support.rough_broker import Weather

if TYPE_CHECKING:
    from support.small_world import World


@dataclass
class Fate:
    """When processes are killed.

    Attributes:
        who: Name of the process: `coordinator`, or a device.
        ends_at: Number of the effect boundary at which each of its runs is killed, in order.
    """

    who: str = ""
    ends_at: tuple[int, ...] = ()


@dataclass
class Setting:
    """What a world is made of.

    Attributes:
        languages: Language of each device.
        rounds: Accepted updates after which a device leaves.
        weather: What happens to messages until `heals_after`.
        chaos: Called with the world at its start, to let things happen to it.
        heals_after: Seconds after which nothing goes wrong any more.
        is_started_again: Whether somebody starts a device again that ended because it does not fit the federation.
        is_closed: Whether the devices are invited, by an invitation that admits exactly as many.
        folds: Versions after which the world ends, whoever is still there; None: it ends when all devices have left.
    """

    plan: Plan
    languages: tuple[str, ...] = ("swh", "yor")
    rounds: int = 2
    seed: int = 0
    weather: Weather = field(default_factory=Weather)
    fates: tuple[Fate, ...] = ()
    chaos: "Callable[[World], Coroutine[Any, Any, None]] | None" = None
    heals_after: float = 60.0
    is_started_again: bool = False
    is_closed: bool = False
    folds: int | None = None
