"""The messages of the protocol, as small frozen types; docs/protocol.md explains every field.

`codec` turns them into bytes and back, `seal` signs them, `topics` says where they travel. Times are Unix seconds
(UTC), durations seconds. Unknown JSON keys are ignored, so that a newer side may add some.

What orders messages is stamped by the channel of the side that sends them: an epoch by the coordinator, a session and a
number by a device. A stamp of 0 is never sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from mfpt_shared.plan import Plan
from mfpt_shared.tensors import Array, Half, Quantised

Tensors = Mapping[str, Array | Half | Quantised]

PROTOCOL: Final = 2

Protocol = Annotated[int, Meta(ge=PROTOCOL, le=2**16)]
Epoch = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=0, le=2**53)]
Version = Annotated[int, Meta(ge=0, le=2**53)]
Sequence = Annotated[int, Meta(ge=1, le=2**53)]
Examples = Annotated[int, Meta(ge=0, le=10**12)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Accuracy = Annotated[float, Meta(ge=0, le=1)]
Tag = Annotated[str, Meta(pattern=r"^[a-z]{3}\Z")]
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Digest = Annotated[str, Meta(max_length=80)]
Text = Annotated[str, Meta(max_length=500)]

Phase = Literal["idle", "preparing", "training", "uploading", "evaluating", "done"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the JSON messages.

    Attributes:
        protocol: Number of the protocol that the sender speaks.
    """

    protocol: Protocol = PROTOCOL


class FromCoordinator(Message, frozen=True, kw_only=True):
    """Base of what the coordinator says.

    Attributes:
        epoch: Number of the coordinator's run. It rises with every start, so that nothing older is taken for new.
        version: Newest version of the prompts.
        at: Time at which it was said.
    """

    epoch: Epoch = 0
    version: Version = 0
    at: Seconds = 0.0


class FromDevice(Message, frozen=True, kw_only=True):
    """Base of what a device says, except for updates, which have sequence numbers.

    Attributes:
        session: Number of the device's run. It rises with every start.
        number: Number of the message in its session; 0 in a last will, which belongs to the session as a whole.
    """

    session: Number = 0
    number: Number = 0


class CoordinatorState(FromCoordinator, frozen=True, kw_only=True):
    """`coord/state`: whether the coordinator is there. The last will says `offline`."""

    state: Literal["online", "offline"]
    coordinator: Identifier
    started: Seconds


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
    """

    state: Literal["online", "offline"]
    language: Tag
    phase: Phase = "idle"
    progress: Accuracy = 0.0
    version: Version = 0
    device: Text = ""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """What a device measured.

    Attributes:
        loss: Mean training loss of the last epoch.
        accuracy: Accuracy of the received prompt on the validation examples.
        own_accuracy: Accuracy, on the same examples, of the prompt tuned in the previous round; None in the first.
        validated: Number of validation examples.
    """

    loss: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    accuracy: Accuracy | None = None
    own_accuracy: Accuracy | None = None
    validated: Examples = 0


class Ready(FromDevice, frozen=True, kw_only=True, tag="ready"):
    """`client/<id>/up`: the device has the plan, data and backbone, and waits for an assignment."""

    language: Tag
    examples: Examples
    plan: Digest
    backbone: Digest


class EvaluationReport(FromDevice, frozen=True, kw_only=True, tag="evaluation"):
    """`client/<id>/up`: accuracy of a version on the device's own validation examples."""

    language: Tag
    version: Version
    accuracy: Accuracy
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
    """

    language: Tag
    plan: Digest
    backbone: Digest
    examples: Examples = 0


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
    """`client/<id>/down`: the update is durable; the device may forget it. `staleness`: versions it was behind."""

    sequence: Sequence
    staleness: Version = 0


class Reject(FromCoordinator, frozen=True, kw_only=True, tag="reject"):
    """`client/<id>/down`: the update was refused and would be refused again; the device may forget it."""

    sequence: Sequence
    reason: Literal["incompatible", "diverged", "unassigned"]
    detail: Text


class Resync(FromCoordinator, frozen=True, kw_only=True, tag="resync"):
    """`client/<id>/down`: the update is too far behind, or ahead; forget it and train again from `version`."""

    sequence: Sequence


class Stop(FromCoordinator, frozen=True, kw_only=True, tag="stop"):
    """`client/<id>/down`: no more assignments.

    `finished`: `version` is the last one; `incompatible`: see `detail`; `revoked`: the device is no longer admitted.

    Attributes:
        session: Session of the `ready` that this answers.
        ready: Number of that `ready`.
    """

    reason: Literal["finished", "incompatible", "revoked"]
    detail: Text = ""
    session: Number = 0
    ready: Number = 0


Down = Assign | Ack | Reject | Resync | Stop
UpJson = Ready | EvaluationReport

Role = Literal["device", "reader", "monitor"]
"""device: trains; reader: fetches plan and prompts; monitor: also sees the coordinator's status."""


class Enrol(Message, frozen=True, kw_only=True, tag="enrol"):
    """`enrol/<token id>/up`: an invited device asks to be admitted. The key that seals this message becomes its own.

    Attributes:
        nonce: Random text that the answer repeats.
        language: Language of the device's examples; None for a role that has none.
        user: Name that the device proposes for itself, its id in topics; random.
        password: Password of its account at the broker, which it has drawn.
        client: MQTT client id of its connections, which it has drawn; a secret like the password.
        proof: HMAC-SHA-256 (RFC 2104) of the signer's key under the SHA-256 of the invitation's secret, base64url: at a
            broker whose users share a password, the id of a token alone admits nobody.
        name: Name by which people know the device.
    """

    nonce: Identifier
    user: Identifier
    password: Identifier
    client: Identifier
    proof: Identifier
    language: Tag | None = None
    name: Text = ""


class Admitted(FromCoordinator, frozen=True, kw_only=True, tag="admitted"):
    """`enrol/<token id>/down`: the device is admitted.

    Attributes:
        nonce: As in the request.
        role: What the device may do.
        language: Language to which it is bound.
        max_examples: Largest number of training examples that counts; None: the plan's.
        account: Whether the broker knows the account that the device proposed, or all share one.
    """

    nonce: Identifier
    role: Role
    language: Tag | None = None
    max_examples: Examples | None = None
    account: Literal["own", "common"] = "own"


class Refused(FromCoordinator, frozen=True, kw_only=True, tag="refused"):
    """`enrol/<token id>/down`: the device is not admitted, and why."""

    nonce: Identifier
    reason: Literal["expired", "used", "revoked", "language", "taken", "full"]
    detail: Text


EnrolAnswer = Admitted | Refused


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


class UpdateCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of updates, by the answer to them."""

    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    stale: int = 0


class LanguageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One language: its devices, their examples, and its newest validation accuracy.

    Attributes:
        accuracy: Mean over the devices, weighted by their examples.
        contributed: Number of training examples behind all its updates.
    """

    clients: int
    examples: int
    accuracy: float | None
    contributed: int


class ClientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One device, as the coordinator last saw it."""

    id: str
    language: str
    state: Literal["online", "offline"]
    phase: str
    progress: float
    last_seen: float
    examples: int
    accuracy: float | None
    device: str


class FederationStatus(FromCoordinator, frozen=True, kw_only=True):
    """`coord/status`: what `mfpt-coord status` shows.

    Attributes:
        staleness: Number of accepted updates, by staleness.
        buffer: Number of updates that wait for the next fold.
        refused: Number of messages that changed nothing, by reason, since the coordinator started.
        languages: The languages with the most devices.
        clients: The devices that are online or were heard last.
        more_languages: Number of languages that are not listed.
        more_clients: Number of devices that are not listed.
        more_online: How many of the devices that are not listed are online.
    """

    federation: str
    plan: str
    folds: int
    buffer: int
    buffer_size: int
    started: float
    updates: UpdateCounts
    staleness: dict[int, int]
    languages: dict[str, LanguageStatus]
    clients: list[ClientStatus]
    refused: dict[str, int] = {}
    more_languages: int = 0
    more_clients: int = 0
    more_online: int = 0
