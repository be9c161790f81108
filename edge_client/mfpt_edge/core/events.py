"""What happens to the edge client. `at` is the time, Unix seconds by a clock that never jumps."""

from dataclasses import dataclass

from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    CoordinatorState,
    Disband,
    LanguageRelations,
    Progress,
    Prompt,
    Reject,
    Resync,
    Stop,
)


@dataclass(frozen=True, slots=True)
class BrokerConnected:
    """The connection to the broker is up, for the first time or again."""

    at: float


@dataclass(frozen=True, slots=True)
class BrokerLost:
    """The connection to the broker is down."""

    at: float


@dataclass(frozen=True, slots=True)
class NotSubscribed:
    """The broker has refused a subscription: for good, or because it had no room. `filters`: what it was for."""

    at: float
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoordinatorSeen:
    """The coordinator published its state, or the broker published its last will."""

    at: float
    message: CoordinatorState


@dataclass(frozen=True, slots=True)
class ProgressSeen:
    """The coordinator published how far the next version is; people are told, and nothing else depends on it."""

    at: float
    message: Progress


@dataclass(frozen=True, slots=True)
class RelationsSeen:
    """The coordinator published from whom the device's language learns; nothing depends on it."""

    at: float
    message: LanguageRelations


@dataclass(frozen=True, slots=True)
class PlanReceived:
    """The coordinator published the plan."""

    at: float
    plan: Plan


@dataclass(frozen=True, slots=True)
class PromptReceived:
    """A prompt for the device's language came."""

    at: float
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Prepared:
    """Data and backbone are loaded. `last_number`: number of the last update that the plan's privacy budget allows."""

    at: float
    last_number: int | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """A training has ended and its update is in the outbox."""

    at: float
    sequence: int


@dataclass(frozen=True, slots=True)
class TrainingFailed:
    """A training ended without an update."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """The coordinator answered an update, or gave an order; a `Disband` is about one that has left under masks."""

    at: float
    message: Assign | Ack | Reject | Resync | Disband | Stop


@dataclass(frozen=True, slots=True)
class ConditionsChanged:
    """Whether this device may begin to train has changed; `against`: why it may not, for people; empty: it may."""

    at: float
    against: str


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A deadline may have passed."""

    at: float


Event = (
    BrokerConnected
    | BrokerLost
    | NotSubscribed
    | CoordinatorSeen
    | ProgressSeen
    | RelationsSeen
    | PlanReceived
    | PromptReceived
    | Prepared
    | Trained
    | TrainingFailed
    | Told
    | ConditionsChanged
    | TimePassed
)
