"""What the edge client wants done."""

from dataclasses import dataclass

from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Prompt


@dataclass(frozen=True, slots=True)
class Prepare:
    """Load data and backbone for this plan, and answer with `Prepared`."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class KeepPrompt:
    """Keep this prompt as the newest of the federation."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class CancelTraining:
    """Stop the running training; its update is no longer wanted."""


@dataclass(frozen=True, slots=True)
class Train:
    """Train from the newest prompt, put the update in the outbox under this number, and answer with `Trained`."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe to plan, orders and the coordinator's state; the broker sends what it retains, again if need be."""


@dataclass(frozen=True, slots=True)
class AskForPrompt:
    """Subscribe to the language's prompt, again if need be; the broker sends the newest, and those that follow."""


@dataclass(frozen=True, slots=True)
class StopAsking:
    """Take back the subscription to the language's prompt: the versions that follow are not needed."""


@dataclass(frozen=True, slots=True)
class PublishState:
    """Publish the device's state: at once, or when it is next due."""

    at_once: bool = False


@dataclass(frozen=True, slots=True)
class SendReady:
    """Tell the coordinator that the device is ready to train."""


@dataclass(frozen=True, slots=True)
class SendUpdates:
    """Publish these updates from the outbox, in order."""

    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove an update from the outbox."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Carry:
    """Let the next update carry this one, which left under masks for a sum that came to nothing."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Renumber:
    """Give an update in the outbox, which was not accepted, a new number."""

    sequence: int
    new: int


@dataclass(frozen=True, slots=True)
class NoteSession:
    """Let the device's next run have a higher number than this one."""

    newest: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the person at the device."""

    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """End in order: the device has done its part."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """End with an error: device and federation do not fit together."""

    reason: str


@dataclass(frozen=True, slots=True)
class Exclude:
    """End with an error: the federation no longer admits this device."""

    reason: str


Effect = (
    Prepare
    | KeepPrompt
    | CancelTraining
    | Train
    | Subscribe
    | AskForPrompt
    | StopAsking
    | PublishState
    | SendReady
    | SendUpdates
    | Forget
    | Carry
    | Renumber
    | NoteSession
    | Tell
    | Leave
    | Refuse
    | Exclude
)
