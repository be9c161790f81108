"""What the edge client wants done."""

from dataclasses import dataclass

from mfpt_shared.plan import Plan


@dataclass(frozen=True, slots=True)
class Prepare:
    """Load data and backbone for this plan, and answer with `Prepared`."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class KeepPrompt:
    """Keep the prompt that has just come as the newest."""


@dataclass(frozen=True, slots=True)
class CancelTraining:
    """End the training that runs; nobody waits for its update any more."""


@dataclass(frozen=True, slots=True)
class Train:
    """Train from the newest prompt, put the update in the outbox under this number, and answer with `Trained`."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask for plan, prompt, orders and the coordinator's state, retained messages included."""


@dataclass(frozen=True, slots=True)
class PublishState:
    """Publish the device's state: at once, or when it is next due."""

    at_once: bool = False


@dataclass(frozen=True, slots=True)
class SendReady:
    """Tell the coordinator that the device can train."""


@dataclass(frozen=True, slots=True)
class SendUpdates:
    """Publish these updates from the outbox, in order."""

    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove an update from the outbox."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the person at the device."""

    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """End in order: everything that was wanted is done."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """End with an error: device and federation do not fit together."""

    reason: str


Effect = (
    Prepare
    | KeepPrompt
    | CancelTraining
    | Train
    | Subscribe
    | PublishState
    | SendReady
    | SendUpdates
    | Forget
    | Tell
    | Leave
    | Refuse
)
