"""What the coordinator knows: one immutable value. Arrays in it are never written to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.relations import Relations
from mfpt_coord.core.stages import Cohort, Offered
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Phase, UpdateCounts, UpdateHeader
from mfpt_shared.tensors import Array, Layout, flatten, initial_state, layout

GONE_SECONDS: Final = 600.0
"""Time after which a silent device counts as gone. One that is at work or idle speaks every minute; only while it loads
its backbone for the first time may it say nothing for longer."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A device is training from `version`; it keeps one of the places until `deadline` (Unix seconds)."""

    version: int
    since: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Client:
    """One device.

    Attributes:
        sequence: Number of its last accepted update; the next one has a higher number.
        contributed: Base version of its last accepted update; -1 before the first.
        folded: Number of its updates that went into a version.
        seconds: Time from an assignment to its update, moving average; None before the first.
        ready: Whether it has said, since it last came online, that it can train.
        retry_at: Time before which it is not assigned, because its last update was rejected; Unix seconds.
        session: Session of its last announcement.
        announced: Number of that announcement; assignments name it.
        turn: Number of the last assignment that answered it.
        grants: Versions that it was assigned and has sent no update for yet, in rising order; the newest few.
        let_go: Whether it was told, since it was done, that nobody trains any more.
        epsilon: What it says it has spent of its privacy budget; None where it has not said it, or there is no noise.
    """

    id: str
    language: LanguageCode
    examples: int = 0
    sequence: int = 0
    contributed: int = -1
    seconds: float | None = None
    accuracy: float | None = None
    state: Literal["online", "offline"] = "offline"
    ready: bool = False
    phase: Phase = "idle"
    progress: float = 0.0
    device: str = ""
    last_seen: float = 0.0
    retry_at: float = 0.0
    session: int = 0
    announced: int = 0
    turn: int = 0
    grants: tuple[int, ...] = ()
    folded: int = 0
    let_go: bool = False
    epsilon: float | None = None
    assignment: Assignment | None = None

    def is_online(self, at: float) -> bool:
        """Tell whether it is there, as far as anybody knows: it has said so, and not gone silent since.

        A broker that went down together with a device never publishes that device's last will.
        """
        return self.state == "online" and at < self.last_seen + GONE_SECONDS


@dataclass(frozen=True, slots=True)
class Counted:
    """What a fold knows of an update that counts in it.

    Attributes:
        client: The device that made it.
        examples: Number of training examples that count; the device may claim more.
    """

    client: str
    sequence: int
    language: LanguageCode
    examples: int


@dataclass(frozen=True, slots=True)
class Survivor(Counted):
    """A member of a cohort whose update is in the sum.

    Attributes:
        staleness: Number of versions that it was behind; what it counts for that, the device has applied itself.
        digest: By what the update is recognised when it is offered again.
    """

    base_version: int
    staleness: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Contribution:
    """What waits in the buffer: an accepted update, or the mean of the updates that a cohort has added up.

    Attributes:
        client: Device that made the update, or id of the cohort.
        header: What the device said of it; of a cohort, what its sum says, with all examples behind it.
        language: Language of the update; `und` for a cohort of several languages.
        delta: Flat, [values] float32.
        at: When it arrived, Unix seconds.
        digest: SHA-256 of its bytes, by which it is recognised when it comes again; empty for a cohort.
        survivors: Members of the cohort whose updates are in it; empty for an update that came in the open.
    """

    client: str
    header: UpdateHeader
    language: LanguageCode
    staleness: int
    delta: Array
    at: float
    digest: bytes = b""
    survivors: tuple[Survivor, ...] = ()

    @property
    def updates(self) -> Sequence[Counted]:
        """The updates in it: one, or those of the survivors."""
        return self.survivors or (Counted(self.client, self.header.sequence, self.language, self.header.examples),)


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a decision of the coordinator depends on. Times are Unix seconds by a clock that does not jump.

    Attributes:
        prompts: Newest prompt of each language, flat, [values] float32.
        buffer: What the next version is made of.
        offers: Updates that devices hold until they are asked for them, first come first; at most one of a device.
        cohorts: Those at work. Like offers, they are gone after a restart: devices offer again.
        contributed: Language -> number of training examples behind its accepted updates so far.
        joining: Languages that have devices but no prompt yet, because their distances are being looked up.
        relations: What is known about how languages relate.
        usual: How much of their own devices usually keep, by language, and for `und` in all; see `usual_shares`.
        directions: Moving average of each language's deltas, flat, [values] float32.
        moments: The server optimiser's memory of each language's prompt, [moments, values] float32.
        staleness: Staleness -> number of accepted updates.
        former: Digests of earlier plans of this federation, newest last: updates under them still count.
        last_version: Version after which nobody is assigned any more; None: there is no last one.
        opened: When the coordinator started; see `opening`.
        open: Whether devices take part without an invitation.
        enrolments: Device id -> what it is bound to.
        invitations: Token id -> invitation.
    """

    plan: Plan
    layout: Layout
    version: int
    prompts: Mapping[LanguageCode, Array]
    buffer: tuple[Contribution, ...] = ()
    offers: tuple[Offered, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    clients: Mapping[str, Client] = field(default_factory=dict)
    contributed: Mapping[LanguageCode, int] = field(default_factory=dict)
    joining: frozenset[LanguageCode] = frozenset()
    relations: Relations = Relations()
    usual: Mapping[LanguageCode, float] = field(default_factory=dict)
    directions: Mapping[LanguageCode, Array] = field(default_factory=dict)
    moments: Mapping[LanguageCode, Array] = field(default_factory=dict)
    counts: UpdateCounts = UpdateCounts()
    staleness: Mapping[int, int] = field(default_factory=dict)
    former: tuple[str, ...] = ()
    last_version: int | None = None
    opened: float = -math.inf
    open: bool = True
    enrolments: Mapping[str, Enrolment] = field(default_factory=dict)
    invitations: Mapping[str, Invitation] = field(default_factory=dict)

    @property
    def waiting(self) -> Sequence[Contribution | Offered]:
        """What decides by its number and age whether a fold is due: updates, or offers of them."""
        return self.offers if self.plan.privacy.is_masked else self.buffer

    @property
    def finished(self) -> bool:
        """Whether the last version exists."""
        return self.last_version is not None and self.version >= self.last_version


def initial(plan: Plan) -> State:
    """Return the state of a federation that nobody has joined yet."""
    shapes = layout(plan)
    return State(plan, shapes, version=0, prompts={UNDETERMINED: flatten(initial_state(plan), shapes)})
