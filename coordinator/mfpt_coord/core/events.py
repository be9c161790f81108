"""What can happen to the coordinator. `at` is the time, Unix seconds."""

from collections.abc import Iterable
from dataclasses import dataclass

from mfpt_coord.core.relations import Distances
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import ClientState, EvaluationReport, Ready, Update


@dataclass(frozen=True, slots=True)
class ClientSaid:
    """A device published its state, said that it is ready, or reported an evaluation."""

    at: float
    client: str
    message: ClientState | Ready | EvaluationReport


@dataclass(frozen=True, slots=True)
class UpdateArrived:
    """A device sent an update; `payload` is the frame as it came, for the store to keep."""

    at: float
    client: str
    update: Update
    payload: bytes


@dataclass(frozen=True, slots=True)
class DistancesFound:
    """A look-up of language distances has ended. A pair that is missing has no known distance."""

    at: float
    languages: Iterable[LanguageCode]
    distances: Distances


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A deadline may have passed, or the coordinator has just started."""

    at: float


Event = ClientSaid | UpdateArrived | DistancesFound | TimePassed
