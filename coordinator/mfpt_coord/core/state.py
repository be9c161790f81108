"""What the coordinator knows: one immutable value. Arrays in it are never written to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.relations import Relations
from mfpt_coord.core.stages import Cohort, Offered
from mfpt_coord.core.standing import Best, Standing
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import UpdateCounts, UpdateHeader
from mfpt_shared.tensors import Array, Layout, flatten, initial_state, layout


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
        leaving: Devices that have asked to be forgotten, which happens once no update of theirs waits; gone after a
            restart.
        parting: Those who were invited and are forgotten -> until when they have to disconnect by themselves.
        cohorts: Those at work. Like offers, they are gone after a restart: devices offer again.
        contributed: Language -> number of training examples behind its accepted updates so far.
        joining: Languages that have devices but no prompt yet, because their distances are being looked up.
        relations: What is known about how languages relate.
        usual: How much of their own devices usually keep, by language, and for `und` in all; see `usual_shares`.
        kept: Language -> how much of their own its devices keep, as of the newest version; see `kept_by_language`.
        directions: Moving average of each language's deltas, flat, [values] float32.
        moments: The server optimiser's memory of each language's prompt, [moments, values] float32.
        best: Language -> the version of its prompt that did best on held-out examples; see `best`.
        standings: Language -> how it stood when the newest version was made.
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
    clients: Clients = field(default_factory=Clients)
    leaving: frozenset[str] = frozenset()
    parting: Mapping[Enrolment, float] = field(default_factory=dict)
    contributed: Mapping[LanguageCode, int] = field(default_factory=dict)
    joining: frozenset[LanguageCode] = frozenset()
    relations: Relations = Relations()
    usual: Mapping[LanguageCode, float] = field(default_factory=dict)
    kept: Mapping[LanguageCode, float] = field(default_factory=dict)
    directions: Mapping[LanguageCode, Array] = field(default_factory=dict)
    moments: Mapping[LanguageCode, Array] = field(default_factory=dict)
    best: Mapping[LanguageCode, Best] = field(default_factory=dict)
    standings: Mapping[LanguageCode, Standing] = field(default_factory=dict)
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
    nobody = Clients.of((), newcomer_updates=plan.aggregation.newcomer_updates)
    return State(plan, shapes, version=0, prompts={UNDETERMINED: flatten(initial_state(plan), shapes)}, clients=nobody)
