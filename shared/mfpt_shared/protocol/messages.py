"""The messages of the protocol, as small frozen types; docs/protocol.md explains every field.

`codec` turns them into bytes and back, `seal` signs them, `topics` says where they travel. Times are Unix seconds
(UTC), durations seconds. Unknown JSON keys are ignored, so that a newer side may add some.

The modules `base`, `enrolment`, `masked`, `presence` and `status` hold more of them, which can be imported from here as
well.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mfpt_shared.plan import Plan
from mfpt_shared.protocol.base import (
    PROTOCOL,
    Digest,
    Examples,
    FromCoordinator,
    FromDevice,
    Identifier,
    Message,
    Number,
    Seconds,
    Sequence,
    Share,
    Tag,
    Text,
    Version,
)
from mfpt_shared.protocol.bodies import Tensors
from mfpt_shared.protocol.enrolment import Admitted, Enrol, EnrolAnswer, Leaving, Refused, Role
from mfpt_shared.protocol.masked import (
    Deliver,
    Disband,
    Gather,
    KeyShares,
    Masked,
    MaskedHeader,
    MemberKeys,
    Offer,
    Reveal,
    Unmask,
)
from mfpt_shared.protocol.presence import Challenge, ChallengeAnswer, CoordinatorState
from mfpt_shared.protocol.status import (
    Alarm,
    Beat,
    ClientStatus,
    FederationStatus,
    LanguageRelations,
    LanguageStatus,
    Progress,
    UpdateCounts,
)

__all__ = [
    "PROTOCOL",
    "Admitted",
    "Alarm",
    "Beat",
    "Challenge",
    "ChallengeAnswer",
    "ClientStatus",
    "CoordinatorState",
    "Deliver",
    "Disband",
    "Enrol",
    "EnrolAnswer",
    "Examples",
    "FederationStatus",
    "FromCoordinator",
    "FromDevice",
    "Gather",
    "Identifier",
    "KeyShares",
    "LanguageRelations",
    "LanguageStatus",
    "Leaving",
    "Masked",
    "MaskedHeader",
    "MemberKeys",
    "Message",
    "Offer",
    "Progress",
    "Refused",
    "Reveal",
    "Role",
    "Tag",
    "Tensors",
    "Text",
    "Unmask",
    "UpdateCounts",
]

Phase = Literal["idle", "preparing", "training", "uploading", "evaluating", "done"]


class PlanNotice(FromCoordinator, frozen=True, kw_only=True):
    """`plan`: what devices follow. The section `aggregation` binds the coordinator alone, and does not travel.

    Attributes:
        digest: Name of the plan, which updates and prompts repeat.
    """

    digest: Digest
    plan: Plan


class ClientState(FromDevice, frozen=True, kw_only=True):
    """`client/<id>/state`: what a device is doing. The last will says `offline`.

    Attributes:
        progress: Share of the phase that is over.
        version: Version of the prompt that the device holds.
        device: Hardware in a few words without names, such as "cpu, 4 cores".
        epsilon: What the device has spent of its privacy budget, in differential privacy; None where there is no noise.
    """

    state: Literal["online", "offline"]
    language: Tag
    phase: Phase = "idle"
    progress: Share = 0.0
    version: Version = 0
    device: Text = ""
    epsilon: Annotated[float, Meta(ge=0, le=1e9)] | None = None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """What a device measured.

    Attributes:
        loss: Mean training loss of the last epoch.
        accuracy: Accuracy of the received prompt on the held-out examples; None where it was tuned on them.
        own_share: How much of its own the device keeps beside the received prompt: 0 where it uses the federation's
            head as it came, 1 where it uses nothing of it; None where it has not chosen.
        validated: Number of held-out examples that `accuracy` was measured on.
    """

    loss: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    accuracy: Share | None = None
    own_share: Share | None = None
    validated: Examples = 0


class Ready(FromDevice, frozen=True, kw_only=True, tag="ready"):
    """`client/<id>/up`: the device has the plan, data and backbone, and waits for an assignment."""

    language: Tag
    examples: Examples
    plan: Digest
    backbone: Digest


class EvaluationReport(FromDevice, frozen=True, kw_only=True, tag="evaluation"):
    """`client/<id>/up`: accuracy of a version on the device's held-out examples."""

    language: Tag
    version: Version
    accuracy: Share
    examples: Examples


class UpdateHeader(Message, frozen=True, kw_only=True):
    """What goes with the tensors of an update.

    Attributes:
        sequence: Number of the update, from 1; with the device's id it identifies the update, however often it comes.
        base_version: Version of the prompt that the device trained from.
        examples: Number of training examples.
        plan: Digest of the plan that was followed.
        backbone: Fingerprint of the backbone that was used.
        seconds: Duration of the training.
    """

    sequence: Sequence
    language: Tag
    base_version: Version
    examples: Examples
    plan: Digest
    backbone: Digest
    metrics: Metrics = Metrics()
    seconds: Seconds = 0.0


class PromptHeader(FromCoordinator, frozen=True, kw_only=True):
    """What goes with the tensors of a prompt.

    Attributes:
        version: Version of the prompt.
        examples: Number of training examples behind all updates of the language.
        own_share: How much of their own devices usually keep beside a prompt like this one; None where nobody knows.
    """

    language: Tag
    plan: Digest
    backbone: Digest
    examples: Examples = 0
    own_share: Share | None = None


class Assign(FromCoordinator, frozen=True, kw_only=True, tag="assign"):
    """`client/<id>/down`: train from `version` or a newer one.

    After `deadline` seconds the coordinator no longer waits, but the update still counts.

    Attributes:
        session: Session of the `ready` that this answers.
        ready: Number of that `ready`.
        turn: Number of the assignment, among those that answer the same `ready`.
    """

    deadline: Seconds
    session: Number = 0
    ready: Number = 0
    turn: Number = 0


class Ack(FromCoordinator, frozen=True, kw_only=True, tag="ack"):
    """`client/<id>/down`: the update is durable; the device may forget it. `staleness`: versions it was behind.

    Attributes:
        sha256: Which bytes the update had, in hexadecimal; empty from a coordinator that does not say it.
    """

    sequence: Sequence
    staleness: Version = 0
    sha256: Digest = ""


class Reject(FromCoordinator, frozen=True, kw_only=True, tag="reject"):
    """`client/<id>/down`: the update was refused and would be refused again; the device may forget it.

    Attributes:
        sha256: As in `Ack`.
    """

    sequence: Sequence
    reason: Literal["incompatible", "diverged", "unassigned"]
    detail: Text
    sha256: Digest = ""


class Resync(FromCoordinator, frozen=True, kw_only=True, tag="resync"):
    """`client/<id>/down`: the update cannot be taken under this number.

    It is too far behind, or ahead: forget it and train again from `version`. Or its number was given to another update
    before: send it under a number above `highest`.

    Attributes:
        sha256: As in `Ack`.
        highest: Highest number of an update of this device that was accepted, if the number was used before; else 0.
    """

    sequence: Sequence
    sha256: Digest = ""
    highest: Number = 0


class Stop(FromCoordinator, frozen=True, kw_only=True, tag="stop"):
    """`client/<id>/down`: no more assignments.

    `finished`: `version` is the last one; `incompatible`: see `detail`; `revoked`: the device is no longer admitted.

    Attributes:
        session: Session of the `ready` that this answers.
        ready: Number of that `ready`; 0 if a state is answered, which says that the session is over.
        newest: Number of the device's newest session, if the one that is answered is over; else 0.
    """

    reason: Literal["finished", "incompatible", "revoked"]
    detail: Text = ""
    session: Number = 0
    ready: Number = 0
    newest: Number = 0


Down = Assign | Ack | Reject | Resync | Stop | Gather | Deliver | Unmask | Disband
UpJson = Ready | EvaluationReport | Offer | KeyShares | Reveal | Leaving


@dataclass(frozen=True, slots=True)
class Update:
    """`client/<id>/up`: the change that a device's training made to a prompt."""

    header: UpdateHeader
    delta: Tensors


@dataclass(frozen=True, slots=True)
class Prompt:
    """`prompt/<lang>`: the state of a language's prompt at one version."""

    header: PromptHeader
    state: Tensors
