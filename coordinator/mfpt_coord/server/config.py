"""Settings of `mfpt-coord serve`, checked once at the edge and passed down as values."""

from dataclasses import dataclass, field
from pathlib import Path

from mfpt_coord.core.relations import Distances
from mfpt_coord.server.broker import Listen
from mfpt_shared.folders import state_home
from mfpt_shared.plan import Plan
from mfpt_shared.transport.mqtt import BrokerAddress


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """What `serve` was asked for.

    Attributes:
        plan: None: the one in the data directory, or the `cldr` preset for a new one.
        broker: None: the embedded one, on `listen`.
        folds: stop after so many versions; None: never.
        distances: the operator's own language distances; they count instead of those of URIEL+.
    """

    data_dir: Path
    plan: Plan | None
    broker: BrokerAddress | None
    listen: Listen
    folds: int | None
    distances: Distances = field(default_factory=dict)


def default_data_dir() -> Path:
    """Return the folder for a coordinator's data under the user's state home."""
    return state_home() / "coordinator"
