"""Settings of `mfpt-coord serve`, checked once on the command line and passed down as values."""

from dataclasses import dataclass, field
from pathlib import Path

from mfpt_coord.core.relations import Distances
from mfpt_coord.server.broker_config import Certificate, Listen
from mfpt_shared.folders import state_home
from mfpt_shared.plan import Plan
from mfpt_shared.transport.connection import Connection


@dataclass(frozen=True, slots=True)
class Offer:
    """What the embedded broker offers besides MQTT in the clear.

    Attributes:
        tls: Whether TLS is served; None: where devices need an invitation and others can reach the broker.
        certificate: Certificate of the server; None: one that the coordinator makes itself.
        websocket: Where WebSockets are served; None: nowhere.
    """

    tls: bool | None = None
    certificate: Certificate | None = None
    websocket: Listen | None = None


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """What the command line asks of `serve`.

    Attributes:
        data_dir: Data folder, which holds the database and the embedded broker's files.
        plan: Plan to follow; None: the plan in the data folder, or the `cldr` preset for a new folder.
        broker: How to reach the broker to use; None: the embedded one, on `listen`.
        listen: Where the embedded broker listens.
        offer: What the embedded broker offers besides MQTT on `listen`.
        is_open: Whether devices take part without an invitation; None: only where nobody else can reach the broker.
        mosquitto: Folder with the accounts of `broker`, if that is a Mosquitto whose accounts the coordinator keeps.
        advertised: Host and port that invitations name; empty: where the broker listens.
        folds: Number of versions after which to stop; None: never.
        keep: How long folded updates and replaced prompts are kept, seconds; infinite: for ever.
        forget_devices: After how long without a word a device of an open federation is forgotten, seconds; None: never.
        metrics: Where figures for monitoring are served, over HTTP; None: nowhere.
        web: Where the operator's page is served; None: nowhere.
        store: Connection URI of a PostgreSQL database; None: SQLite in the data folder.
        attempts: Attempts to reach `broker` at the start; None: until it is there.
        distances: The operator's own language distances, which count instead of those of URIEL+.
    """

    data_dir: Path
    plan: Plan | None
    broker: Connection | None
    listen: Listen
    folds: int | None
    offer: Offer = Offer()
    is_open: bool | None = None
    mosquitto: Path | None = None
    advertised: tuple[Listen, ...] = ()
    keep: float = 0.0
    forget_devices: float | None = 365 * 86_400.0
    metrics: Listen | None = None
    web: Listen | None = None
    store: str | None = None
    attempts: int | None = None
    distances: Distances = field(default_factory=dict)


def default_data_dir() -> Path:
    """Return the default data folder, under the user's state home."""
    return state_home() / "coordinator"
