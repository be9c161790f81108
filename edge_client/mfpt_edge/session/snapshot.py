"""What a person sees of a device while it takes part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mfpt_edge.storage.curve import Curve
from mfpt_shared.protocol.messages import Phase

Link = Literal["connecting", "no coordinator", "connected", "reconnecting"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the terminal shows.

    Attributes:
        link: Whether broker and coordinator can be reached.
        language: Language of the device.
        phase: What the device is doing.
        listens: Whether it trains no more, and is still there for what the others make.
        progress: Share of the running training that is done, 0..1.
        version: Version of the newest prompt; None before the first.
        rounds: Updates of this run that were accepted.
        rounds_wanted: Accepted updates after which the device leaves; None: it stays.
        loss: Training loss of the newest step.
        losses: Mean training loss of each round so far.
        held_rounds: How many of them, the first ones, left the held-out examples out.
        accuracies: Accuracy on held-out examples of each prompt that was received and measured.
        staleness: Versions that the last acknowledged update was behind; None before the first.
        added_up: Where the newest update stands on its way under masks, in words; empty where there are none.
        epsilon: What the updates have given away, in differential privacy; None where the plan has no noise.
        epsilon_limit: What they may give away; 0: there is no limit.
        bytes_up: Bytes sent.
        bytes_down: Bytes received.
        waits_for: What the device waits for and since when, in words; empty while it waits for nothing.
        waits_since: Since when, by the clock that people see, Unix seconds; None while it waits for nothing.
        advice: What to do about that, or what is kept meanwhile; empty where nothing is to be done.
        seconds_left: Estimated time until all wanted rounds are done; None if unknown.
        examples: Number of training examples; 0 before they are read.
        own_share: How much of its own the device keeps beside the federation's prompt, 0..1; None: not chosen.
        curve: How the device has done at each version.
        helped_by: Language -> its part in the newest step of this language's prompt, 0..1; the largest ones.
    """

    link: Link = "connecting"
    language: str = ""
    phase: Phase = "preparing"
    listens: bool = False
    progress: float = 0.0
    version: int | None = None
    rounds: int = 0
    rounds_wanted: int | None = None
    loss: float | None = None
    losses: tuple[float, ...] = ()
    held_rounds: int = 0
    accuracies: tuple[float, ...] = ()
    staleness: int | None = None
    added_up: str = ""
    epsilon: float | None = None
    epsilon_limit: float = 0.0
    bytes_up: int = 0
    bytes_down: int = 0
    waits_for: str = ""
    waits_since: float | None = None
    advice: str = ""
    seconds_left: float | None = None
    examples: int = 0
    own_share: float | None = None
    curve: Curve = ()
    helped_by: Mapping[str, float] = field(default_factory=dict)
