"""The federation plan: everything that coordinator and devices must agree on, as one frozen, validated tree.

The coordinator reads it from TOML, publishes it as JSON, and every device follows it. Each field's description is
also the comment that `mfpt-coord plan init` writes beside it.
"""

import hashlib
import math
import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from mfpt_shared.errors import PlanError, UsageError

_FEDERATION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
NonNegative = Annotated[float, Meta(ge=0, le=1e9)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the plan's sections: immutable, and a misspelt key is an error."""


SectionT = TypeVar("SectionT", bound=Section)

TaskKind = Literal["classification", "pairs", "generation"]
PromptMethod = Literal["late", "prompt", "p-tuning"]
DistanceMetric = Literal[
    "genetic", "geographic", "syntactic", "inventory", "phonological", "morphological", "featural", "script"
]


class Task(Section, frozen=True):
    """What the devices learn."""

    labels: Annotated[
        tuple[Name, ...], Meta(max_length=1000, description="the classes, in a fixed order; none for generation")
    ]
    kind: Annotated[
        TaskKind,
        Meta(
            description="classification: one label for a text; pairs: one for two texts, such as premise and "
            "hypothesis; generation: a completion for a prompt, by a decoder"
        ),
    ] = "classification"
    data: Annotated[
        str, Meta(description="data source of a device that names none, for example 'cldr'; empty: it must name one")
    ] = ""

    @property
    def generates(self) -> bool:
        """Whether its answers are texts that a decoder writes; it has no labels then, and no head."""
        return self.kind == "generation"


class BackboneSpec(Section, frozen=True):
    """The frozen language model that every device holds."""

    uri: Annotated[Name, Meta(description="bundled:<name>, hf:<id>[@revision], path:<folder> or gguf:<file>")] = (
        "bundled:multilingual-e5-small"
    )
    width: Annotated[int, Meta(ge=1, le=65_536, description="hidden size")] = 384
    layers: Annotated[int, Meta(ge=1, le=1024, description="number of transformer layers")] = 12
    fingerprint: Annotated[
        str,
        Meta(
            pattern=r"^(sha256:[0-9a-f]{64})?\Z",
            description="SHA-256 of the weights; a device with other weights does not train",
        ),
    ] = ""
    quantisation: Annotated[
        Literal["nf4", "none"], Meta(description="nf4: 4-bit weights (bitsandbytes); none: 32-bit")
    ] = "nf4"
    prefix: Annotated[str, Meta(max_length=256, description="put before every text, as the backbone was trained")] = (
        "query: "
    )


class PromptSpec(Section, frozen=True):
    """The soft prompt, the only part of the model that is tuned beside the head."""

    method: Annotated[
        PromptMethod,
        Meta(
            description="late: tokens enter before `layer`; prompt: at the input; p-tuning: there, through an encoder"
        ),
    ] = "late"
    tokens: Annotated[int, Meta(ge=1, le=512, description="number of virtual tokens")] = 20
    layer: Annotated[
        int,
        Meta(ge=-1, le=1023, description="late: layer that first sees the prompt; -1: at 3/4 of the depth"),
    ] = -1
    init_std: Annotated[NonNegative, Meta(description="standard deviation of the initial virtual tokens")] = 0.3
    encoder_width: Annotated[int, Meta(ge=1, le=65_536, description="p-tuning: hidden size of the prompt encoder")] = (
        128
    )
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1, description="of the initial prompt")] = 0


class Training(Section, frozen=True):
    """What a device does between receiving an assignment and sending its update."""

    epochs: Annotated[Count, Meta(description="local epochs an assignment, at least")] = 1
    min_steps: Annotated[Count, Meta(description="a device with few examples makes more epochs, for so many steps")] = 9
    head_start: Annotated[
        Literal["ridge", "zero"],
        Meta(description="first head of a device: ridge regression on its frozen features, in closed form; or zero"),
    ] = "ridge"
    batch_size: Annotated[Count, Meta(description="examples a step")] = 16
    prompt_learning_rate: Annotated[Positive, Meta(description="AdamW, virtual tokens")] = 0.02
    head_learning_rate: Annotated[Positive, Meta(description="AdamW, head")] = 0.0005
    schedule: Annotated[
        Literal["constant", "linear"],
        Meta(description="of the learning rates within an assignment: constant, or linear down to nothing"),
    ] = "constant"
    weight_decay: Annotated[NonNegative, Meta(description="AdamW")] = 0.01
    max_tokens: Annotated[int, Meta(ge=4, le=8192, description="texts are cut after so many tokens")] = 128

    def epochs_for(self, examples: int) -> int:
        """Return the epochs of one assignment on so many examples."""
        steps = math.ceil(max(examples, 1) / self.batch_size)
        return max(self.epochs, math.ceil(self.min_steps / steps))


class Aggregation(Section, frozen=True):
    """How updates become new prompts, and who trains when."""

    buffer: Annotated[
        int, Meta(ge=0, le=1_000_000, description="updates a fold; 0: half as many as devices take part")
    ] = 0
    fold_after: Annotated[
        Positive, Meta(description="seconds; a buffer that is not full is folded so long after its first update")
    ] = 600.0
    patience: Annotated[
        Positive, Meta(description="a buffer or a device is waited for so many times as long as rounds usually take")
    ] = 3.0
    concurrency: Annotated[Count, Meta(description="devices that train at once, at most")] = 100
    staleness: Annotated[
        Literal["constant", "polynomial", "hinge"],
        Meta(description="how an old update's weight falls: not at all, (1 + staleness)^-a, or after a grace period"),
    ] = "polynomial"
    staleness_exponent: Annotated[
        float, Meta(ge=0, le=10, description="a of `polynomial` and `hinge`: 1 / (1 + a (staleness - grace))")
    ] = 0.5
    staleness_grace: Annotated[
        int, Meta(ge=0, le=1_000_000, description="`hinge`: versions that an update may be behind at full weight")
    ] = 4
    max_staleness: Annotated[
        int, Meta(ge=0, le=1_000_000, description="updates older than so many versions are refused")
    ] = 20
    proximity: Annotated[
        Literal["auto", "fixed", "observed", "uniform"],
        Meta(
            description="auto: least estimated bias and variance; fixed: exp(-distance / temperature); "
            "observed: the same with what updates show instead of distances; uniform: 1"
        ),
    ] = "auto"
    temperature: Annotated[
        Positive, Meta(description="of `fixed` and `observed`; 0.1 is sharp, 1 is nearly uniform")
    ] = 0.8
    distance_bias: Annotated[
        NonNegative,
        Meta(description="`auto`: squared bias of a language at distance 1, in variances of one example, at first"),
    ] = 0.001
    metrics: Annotated[
        tuple[DistanceMetric, ...],
        Meta(min_length=1, description="URIEL+ distances; the mean of those known for a pair counts"),
    ] = ("genetic", "geographic", "syntactic")
    example_exponent: Annotated[Share, Meta(description="p in n^p, the weight of an update from n examples")] = 1.0
    cover_exponent: Annotated[
        Share, Meta(description="c in x^c, the step of a fold in which devices with a share x of all examples reported")
    ] = 0.5
    max_examples: Annotated[Count, Meta(description="n is at most this, whatever a device says")] = 10_000
    combine: Annotated[
        Literal["mean", "clip", "trimmed-mean", "median"],
        Meta(description="of a fold's deltas; clip, trimmed-mean and median bound what outliers can do"),
    ] = "mean"
    trim: Annotated[
        float, Meta(ge=0, lt=0.5, description="`trimmed-mean`: share of the weight left out at either end")
    ] = 0.1
    optimiser: Annotated[
        Literal["sgd", "momentum", "adam"], Meta(description="what makes a step of the combined delta")
    ] = "sgd"
    learning_rate: Annotated[Positive, Meta(description="server step on the combined delta")] = 1.0
    momentum: Annotated[
        float, Meta(ge=0, lt=1, description="share of the last step in the next: `momentum`, beta 1 of `adam`")
    ] = 0.9
    second_moment: Annotated[float, Meta(ge=0, lt=1, description="beta 2 of `adam`")] = 0.99
    adaptivity: Annotated[Positive, Meta(description="tau of `adam`, added to the root of the second moment")] = 1e-3
    zero_shot: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z]{3}\Z")], ...],
        Meta(max_length=1000, description="languages (ISO 639-3) without a device that get a prompt all the same"),
    ] = ()


class Privacy(Section, frozen=True):
    """What a device holds back. Text never leaves it whatever stands here."""

    clip_norm: Annotated[
        NonNegative, Meta(description="the delta's L2 norm is clipped to this before it is sent; 0: no clipping")
    ] = 0.0
    min_examples: Annotated[Count, Meta(description="a device with fewer training examples does not take part")] = 8


class Plan(Section, frozen=True):
    """One federation."""

    task: Task
    federation: Annotated[str, Meta(description="name, part of every topic: lower-case letters, digits, - and _")] = (
        "default"
    )
    backbone: BackboneSpec = BackboneSpec()
    prompt: PromptSpec = PromptSpec()
    training: Training = Training()
    aggregation: Aggregation = Aggregation()
    privacy: Privacy = Privacy()

    def __post_init__(self) -> None:
        """Check what spans several fields; msgspec turns a ValueError into its own ValidationError."""
        if not _FEDERATION_NAME.fullmatch(self.federation):
            raise ValueError(
                f"federation {self.federation!r} must be lower-case letters, digits, '-' and '_' (at most 64)"
            )
        if len(set(self.task.labels)) != len(self.task.labels):
            raise ValueError("task.labels holds a label twice")
        if self.task.generates and self.task.labels:
            raise ValueError("task.labels must be empty where task.kind is generation")
        if not self.task.generates and len(self.task.labels) < 2:
            raise ValueError("task.labels needs two labels at least")
        if self.prompt.layer >= self.backbone.layers:
            raise ValueError(
                f"prompt.layer is {self.prompt.layer}, but the backbone has layers 0 to {self.backbone.layers - 1}"
            )

    @property
    def late_layer(self) -> int:
        """Index of the first layer that sees a late prompt."""
        return 3 * self.backbone.layers // 4 if self.prompt.layer < 0 else self.prompt.layer

    @property
    def starts_closed(self) -> bool:
        """Whether a device's first round gives it a head in closed form; what generates has no head."""
        return self.training.head_start == "ridge" and not self.task.generates

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this very plan."""
        return hashlib.sha256(plan_to_json(self)).hexdigest()[:16]


def federation_name(name: str) -> str:
    """Return a federation's name if it may be one.

    Raises:
        UsageError: it may not: it would not fit into a topic or a folder's name.
    """
    if not _FEDERATION_NAME.fullmatch(name):
        raise UsageError(f"--federation {name!r} must be lower-case letters, digits, '-' and '_' (at most 64)")
    return name


def checked(section: SectionT) -> SectionT:
    """Return a section or plan that was made in code, checked as if it had been read.

    Raises:
        PlanError: a value is impossible.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(section), type=type(section))
    except msgspec.ValidationError as error:
        raise PlanError(f"{_name(type(section))}: {error}") from error


def made(section: type[SectionT], /, **fields: object) -> SectionT:
    """Return a section or plan of the given fields, checked as if it had been read.

    Raises:
        PlanError: a value is impossible.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(fields), type=section)
    except msgspec.ValidationError as error:
        raise PlanError(f"{_name(section)}: {error}") from error


def _name(section: type[Section]) -> str:
    """Return a section's name in the plan file."""
    return section.__name__.removesuffix("Spec").lower()


def plan_to_json(plan: Plan) -> bytes:
    """Return the canonical JSON of a plan: every key, in a fixed order."""
    return msgspec.json.encode(plan)
