"""The messages of the protocol, as small frozen types; docs/protocol.md explains every field.

`codec` turns them into bytes and back, `topics` says where they travel. Times are Unix seconds (UTC), durations
seconds. Unknown JSON keys are ignored, so that a newer side may add some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mfpt_shared.tensors import Array, Half, Quantised

Tensors = Mapping[str, Array | Half | Quantised]

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
    """Base of the JSON messages."""


class CoordinatorState(Message, frozen=True):
    """`coord/state`: whether the coordinator is there. The last will says `offline`."""

    state: Literal["online", "offline"]
    coordinator: Identifier
    version: Version
    started: Seconds


class ClientState(Message, frozen=True):
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


class Metrics(Message, frozen=True):
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


class Ready(Message, frozen=True, tag="ready"):
    """`client/<id>/up`: the device has the plan, data and backbone, and waits for an assignment."""

    language: Tag
    examples: Examples
    plan: Digest
    backbone: Digest


class EvaluationReport(Message, frozen=True, tag="evaluation"):
    """`client/<id>/up`: accuracy of a version on the device's own validation examples."""

    language: Tag
    version: Version
    accuracy: Accuracy
    examples: Examples


class UpdateHeader(Message, frozen=True):
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


class PromptHeader(Message, frozen=True):
    """What goes with the tensors of a prompt.

    Attributes:
        examples: Number of training examples behind all updates of the language.
    """

    language: Tag
    version: Version
    plan: Digest
    backbone: Digest
    examples: Examples = 0


class Assign(Message, frozen=True, tag="assign"):
    """`client/<id>/down`: train from this version or a newer one.

    After `deadline` seconds the coordinator no longer waits, but the update still counts.
    """

    version: Version
    deadline: Seconds


class Ack(Message, frozen=True, tag="ack"):
    """`client/<id>/down`: the update is durable; the device may forget it. `staleness`: versions it was behind."""

    sequence: Sequence
    staleness: Version = 0


class Reject(Message, frozen=True, tag="reject"):
    """`client/<id>/down`: the update was refused and would be refused again; the device may forget it."""

    sequence: Sequence
    reason: Literal["incompatible", "diverged"]
    detail: Text


class Resync(Message, frozen=True, tag="resync"):
    """`client/<id>/down`: the update is too far behind, or ahead; forget it and train again from `version`."""

    sequence: Sequence
    version: Version


class Stop(Message, frozen=True, tag="stop"):
    """`client/<id>/down`: no more assignments. `finished`: `version` is the last one; `incompatible`: see `detail`."""

    reason: Literal["finished", "incompatible"]
    version: Version
    detail: Text = ""


Down = Assign | Ack | Reject | Resync | Stop
UpJson = Ready | EvaluationReport


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


class UpdateCounts(Message, frozen=True):
    """Numbers of updates, by the answer to them."""

    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    stale: int = 0


class LanguageStatus(Message, frozen=True):
    """One language: its devices, their examples, and its newest validation accuracy.

    Attributes:
        accuracy: Mean over the devices, weighted by their examples.
        contributed: Number of training examples behind all its updates.
    """

    clients: int
    examples: int
    accuracy: float | None
    contributed: int


class ClientStatus(Message, frozen=True):
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


class FederationStatus(Message, frozen=True):
    """`coord/status`: what `mfpt-coord status` shows.

    Attributes:
        staleness: Number of accepted updates, by staleness.
        buffer: Number of updates that wait for the next fold.
        at: Time of this status.
    """

    federation: str
    plan: str
    version: int
    folds: int
    buffer: int
    buffer_size: int
    started: float
    at: float
    updates: UpdateCounts
    staleness: dict[int, int]
    languages: dict[str, LanguageStatus]
    clients: list[ClientStatus]
