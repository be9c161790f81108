"""What the coordinator wants done: what must be durable, and what follows once it is. `order` says in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.audit import Deed
from mfpt_coord.core.client import Client
from mfpt_coord.core.relations import Comparison, Distances, OwnShare, Pair, Speaker
from mfpt_coord.core.standing import Best, Standing
from mfpt_coord.core.state import Contribution, State
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.cohort import Codes
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Down, EnrolAnswer, UpdateCounts
from mfpt_shared.tensors import Array


@dataclass(frozen=True, slots=True)
class SaveClient:
    """A device is new, or a durable fact about it has changed."""

    client: Client


@dataclass(frozen=True, slots=True)
class SaveUpdate:
    """An update was accepted."""

    contribution: Contribution
    payload: bytes


@dataclass(frozen=True, slots=True)
class SaveSum:
    """A cohort has added up its updates.

    Attributes:
        contribution: What the sum says, and whose updates are in it.
        total: The sum of their codes modulo 2^16, for the store to keep.
    """

    contribution: Contribution
    total: Codes


@dataclass(frozen=True, slots=True)
class SavePrompt:
    """A language has its first prompt, at this version."""

    language: LanguageCode
    version: int
    vector: Array


@dataclass(frozen=True, slots=True)
class SaveFold:
    """The buffer became a new version.

    Attributes:
        weights: Share of each update in each language's step, [languages, updates] float64; those of a cohort, which
            count as one, have equal parts of its share.
        prompts: Prompt of every language, in the order of the rows.
        updates: (client, sequence) of every update, in the order of the columns.
        moments: The server optimiser's memory of every language; empty if it keeps none.
        standings: How every language stood.
        directions: Changes of this fold only, like `comparisons` and `shares`; see `evidence` and `own_shares`.
        best: Languages whose best version is the one that is replaced.
    """

    version: int
    at: float
    weights: NDArray[np.float64]
    prompts: Mapping[LanguageCode, Array]
    updates: Sequence[tuple[str, int]]
    moments: Mapping[LanguageCode, Array] = field(default_factory=dict)
    standings: Mapping[LanguageCode, Standing] = field(default_factory=dict)
    directions: Mapping[LanguageCode, Array] = field(default_factory=dict)
    comparisons: Mapping[Pair, Comparison] = field(default_factory=dict)
    shares: Mapping[Speaker, OwnShare] = field(default_factory=dict)
    best: Mapping[LanguageCode, Best] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SaveRollback:
    """Earlier prompts became a new version.

    Attributes:
        prompts: Prompt of every language.
        sources: Language -> version that it has gone back to; what is remembered of its way is forgotten.
        standings: How every language stood.
        best: Languages whose best version is the one that is replaced.
    """

    version: int
    at: float
    prompts: Mapping[LanguageCode, Array]
    sources: Mapping[LanguageCode, int]
    standings: Mapping[LanguageCode, Standing]
    best: Mapping[LanguageCode, Best]


@dataclass(frozen=True, slots=True)
class SavePlan:
    """The plan has changed.

    Attributes:
        former: Digests of plans under which updates are still taken.
        keeps_moments: Whether the server optimiser's memory is still of use.
    """

    plan: Plan
    former: Sequence[str]
    keeps_moments: bool


@dataclass(frozen=True, slots=True)
class SaveCounts:
    """An update was not accepted: the counts of what became of updates have changed."""

    counts: UpdateCounts


@dataclass(frozen=True, slots=True)
class SaveDistances:
    """Language distances were found."""

    distances: Distances


@dataclass(frozen=True, slots=True)
class SaveInvitation:
    """An invitation is new, or has been used."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class SaveEnrolment:
    """Somebody was admitted or revoked, or something about an enrolment has changed."""

    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class ForgetDevices:
    """Devices are forgotten, all but what they have contributed."""

    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SaveDeed:
    """An operator did something."""

    deed: Deed


@dataclass(frozen=True, slots=True)
class Allow:
    """Let somebody log in at the broker; `password` is in clear for brokers that hash it themselves."""

    whom: Invitation | Enrolment
    password: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Refuse somebody at the broker from now on, and cut its connections."""

    whom: Enrolment


@dataclass(frozen=True, slots=True)
class AnswerEnrolment:
    """Answer a request to be admitted, on the topic of its invitation."""

    token: str
    message: EnrolAnswer


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to one device."""

    client: str
    message: Down


@dataclass(frozen=True, slots=True)
class PublishPrompt:
    """Publish a language's newest prompt."""

    language: LanguageCode


@dataclass(frozen=True, slots=True)
class PublishRelations:
    """Publish from whom a language learns."""

    language: LanguageCode


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """Publish the plan that devices follow."""


@dataclass(frozen=True, slots=True)
class PublishState:
    """Publish that the coordinator is online, and its newest version."""


@dataclass(frozen=True, slots=True)
class LookUpDistances:
    """Find the distances between all these languages, and answer with `DistancesFound` whatever comes of it."""

    languages: frozenset[LanguageCode]


@dataclass(frozen=True, slots=True)
class Log:
    """Tell the operator something; `is_detail`: only one who asked for details; `client`: the device it is about."""

    text: str
    is_detail: bool = False
    client: str = ""


Durable = (
    SaveClient
    | SaveUpdate
    | SaveSum
    | SavePrompt
    | SaveFold
    | SaveRollback
    | SavePlan
    | SaveCounts
    | SaveDistances
    | SaveInvitation
    | SaveEnrolment
    | SaveDeed
    | ForgetDevices
)
Action = (
    Send
    | PublishPlan
    | PublishPrompt
    | PublishRelations
    | PublishState
    | LookUpDistances
    | Log
    | Allow
    | Withdraw
    | AnswerEnrolment
)
Effect = Durable | Action

Step = tuple[State, list[Effect]]
"""What one event leads to: the state after it, and what it calls for."""
