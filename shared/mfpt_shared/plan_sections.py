"""The sections of a federation plan: every setting with its bounds, its default, and what it is for.

The description of a field is also its comment in the file that `mfpt-coord plan init` writes, and its meaning in
docs/protocol.md.
"""

import math
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Whole = Annotated[int, Meta(ge=0, le=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
NonNegative = Annotated[float, Meta(ge=0, le=1e9)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]


MOST_NOISE: Final = 100.0
"""Largest standard deviation of noise on a value; a change of ten times as much counts as a training that diverged."""
MOST_MEMBERS: Final = 32
"""Largest number of devices in a cohort: so many masked numbers can be added up without overflow."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the plan's sections: immutable, and a misspelt key is an error."""


TaskKind = Literal["classification", "pairs", "tagging", "generation"]
PromptMethod = Literal["late", "prompt", "p-tuning"]
DistanceMetric = Literal[
    "genetic", "geographic", "syntactic", "inventory", "phonological", "morphological", "featural", "script"
]


class Task(Section, frozen=True):
    """What the devices learn."""

    labels: Annotated[
        tuple[Name, ...], Meta(max_length=1000, description="classes, in a fixed order; none for generation")
    ]
    kind: Annotated[
        TaskKind,
        Meta(
            description="classification: one label for a text; pairs: one label for two texts, such as premise and "
            "hypothesis; tagging: one label for every word; generation: a completion for a prompt, written by a decoder"
        ),
    ] = "classification"
    data: Annotated[
        str,
        Meta(
            max_length=256,
            description="data for devices that name none, 'cldr' or 'hf:<data set>'; empty: they must name some",
        ),
    ] = ""

    @property
    def generates(self) -> bool:
        """Whether the answers are texts that a decoder writes; there are no labels then, and no head."""
        return self.kind == "generation"

    @property
    def tags_words(self) -> bool:
        """Whether every word gets a label, rather than a text as a whole."""
        return self.kind == "tagging"

    @property
    def metric(self) -> Literal["accuracy", "f1"]:
        """What answers are judged by: F1 of entities where labels of words begin and continue them, else accuracy."""
        return "f1" if self.tags_words and any(label.startswith("B-") for label in self.labels) else "accuracy"


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
            description="SHA-256 of the weights; a device with other weights does not train; empty: not checked",
        ),
    ] = ""
    quantisation: Annotated[
        Literal["nf4", "none"], Meta(description="nf4: 4-bit weights (bitsandbytes); none: 32-bit weights")
    ] = "nf4"
    prefix: Annotated[str, Meta(max_length=256, description="put before every text, as in the backbone's training")] = (
        "query: "
    )


class PromptSpec(Section, frozen=True):
    """The soft prompt, which is tuned together with the head; the rest of the model is frozen."""

    method: Annotated[
        PromptMethod,
        Meta(
            description="late: virtual tokens enter before `layer`; prompt: at the input; p-tuning: at the input, "
            "through an encoder"
        ),
    ] = "late"
    tokens: Annotated[int, Meta(ge=1, le=512, description="number of virtual tokens")] = 20
    layer: Annotated[
        int, Meta(ge=-1, le=1023, description="late: first layer that sees the virtual tokens; -1: 3/4 of the depth")
    ] = -1
    init_std: Annotated[NonNegative, Meta(description="standard deviation of the virtual tokens of version 0")] = 0.3
    encoder_width: Annotated[int, Meta(ge=1, le=65_536, description="p-tuning: hidden size of the encoder")] = 128
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1, description="random seed of version 0")] = 0


class Training(Section, frozen=True):
    """What a device does in a round, between its assignment and its update."""

    epochs: Annotated[Count, Meta(description="least number of epochs in a round")] = 1
    min_steps: Annotated[Count, Meta(description="least number of steps in a round; few examples take more epochs")] = 9
    head_start: Annotated[
        Literal["ridge", "zero"],
        Meta(description="zero: the first head is tuned; ridge: it is found in closed form, on the frozen features"),
    ] = "zero"
    batch_size: Annotated[Count, Meta(description="examples in a step")] = 16
    prompt_learning_rate: Annotated[Positive, Meta(description="learning rate of the virtual tokens (AdamW)")] = 0.02
    head_learning_rate: Annotated[Positive, Meta(description="learning rate of the head (AdamW)")] = 0.005
    schedule: Annotated[
        Literal["constant", "linear"],
        Meta(description="learning rates within a round: constant, or falling linearly to zero"),
    ] = "constant"
    weight_decay: Annotated[NonNegative, Meta(description="weight decay (AdamW)")] = 0.01
    max_tokens: Annotated[int, Meta(ge=4, le=8192, description="number of tokens after which a text is cut")] = 128

    def epochs_for(self, examples: int) -> int:
        """Return the number of epochs in a round with this number of examples."""
        steps = math.ceil(max(examples, 1) / self.batch_size)
        return max(self.epochs, math.ceil(self.min_steps / steps))


class Aggregation(Section, frozen=True):
    """How updates become new versions, and which devices train when."""

    buffer: Annotated[Whole, Meta(description="updates in a fold; 0: half the number of devices that take part")] = 0
    start_together: Annotated[
        Whole, Meta(description="first versions that wait for every device at work, however small the buffer")
    ] = 3
    fold_after: Annotated[
        Positive, Meta(description="seconds from the first update to a fold, even if the buffer is not full")
    ] = 600.0
    patience: Annotated[
        Positive, Meta(description="how long to wait for a buffer or a device, in multiples of the usual round")
    ] = 3.0
    concurrency: Annotated[Count, Meta(description="largest number of devices that train at once")] = 100
    staleness: Annotated[
        Literal["constant", "polynomial", "hinge"],
        Meta(
            description="weight of a late update: constant; polynomial, (1 + staleness)^-a; hinge, full up to a grace"
        ),
    ] = "polynomial"
    staleness_exponent: Annotated[
        float, Meta(ge=0, le=10, description="a of polynomial and of hinge, 1 / (1 + a (staleness - grace))")
    ] = 0.5
    staleness_grace: Annotated[
        Whole, Meta(description="hinge: versions that an update may be behind and still have its full weight")
    ] = 4
    max_staleness: Annotated[Whole, Meta(description="largest number of versions that a usable update is behind")] = 20
    proximity: Annotated[
        Literal["auto", "fixed", "observed", "uniform"],
        Meta(
            description="auto: least estimated bias and variance; fixed: exp(-distance / temperature); "
            "observed: as fixed, with the distances that updates show; uniform: 1"
        ),
    ] = "auto"
    temperature: Annotated[Positive, Meta(description="fixed, observed: 0.1 is sharp, 1 is nearly uniform")] = 0.8
    metrics: Annotated[
        tuple[DistanceMetric, ...],
        Meta(min_length=1, description="URIEL+ distances; the mean of those known for a pair counts"),
    ] = ("genetic", "geographic", "syntactic")
    example_exponent: Annotated[Share, Meta(description="p in n^p, the weight of an update from n examples")] = 1.0
    cover_exponent: Annotated[
        Share, Meta(description="c in x^c, the step of a fold whose devices hold a share x of all examples")
    ] = 0.5
    max_examples: Annotated[Count, Meta(description="largest n that counts, whatever a device says")] = 10_000
    combine: Annotated[
        Literal["agree", "mean", "clip", "trimmed-mean", "median"],
        Meta(description="how the deltas of a fold are combined; all but mean limit what outliers can do"),
    ] = "agree"
    device_share: Annotated[
        Share,
        Meta(description="largest share of all examples that a device counts with; twice an equal one is allowed"),
    ] = 0.25
    newcomer_share: Annotated[
        float,
        Meta(gt=0, le=1, description="largest share of all examples that newcomers count with, if not all are new"),
    ] = 0.5
    newcomer_updates: Annotated[
        Whole, Meta(description="updates in earlier folds from which on a device is no newcomer")
    ] = 3
    trim: Annotated[float, Meta(ge=0, lt=0.5, description="trimmed-mean: share of the weight cut at each end")] = 0.1
    optimiser: Annotated[
        Literal["sgd", "momentum", "adam"], Meta(description="how the combined delta becomes a step")
    ] = "sgd"
    learning_rate: Annotated[Positive, Meta(description="size of that step")] = 1.0
    momentum: Annotated[
        float, Meta(ge=0, lt=1, description="momentum: share of the last step that is kept; adam: beta 1")
    ] = 0.9
    second_moment: Annotated[float, Meta(ge=0, lt=1, description="adam: beta 2")] = 0.99
    adaptivity: Annotated[Positive, Meta(description="adam: tau, added to the root of the second moment")] = 1e-3
    zero_shot: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z]{3}\Z")], ...],
        Meta(max_length=1000, description="languages (ISO 639-3) that get a prompt although no device speaks them"),
    ] = ()
    languages: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z]{3}\Z")], ...],
        Meta(
            max_length=200,
            description="languages (ISO 639-3) that devices may bring, besides those that invitations name; empty: any",
        ),
    ] = ()


class Privacy(Section, frozen=True):
    """What a device holds back. Texts never leave it, whatever is set here."""

    clip_norm: Annotated[NonNegative, Meta(description="largest L2 norm of a delta that is sent; 0: no limit")] = 0.0
    min_examples: Annotated[
        Count, Meta(description="a device with fewer training examples does not take part; tagging: with fewer words")
    ] = 8
    aggregation: Annotated[
        Literal["open", "masked"],
        Meta(
            description="open: the coordinator reads every update; masked: it reads sums over cohorts of devices, and "
            "not who added what"
        ),
    ] = "open"
    min_group: Annotated[int, Meta(ge=2, le=MOST_MEMBERS, description="masked: least number of devices in a sum")] = 3
    noise: Annotated[
        Literal["none", "local", "distributed"],
        Meta(
            description="differential privacy; local: every device adds noise enough for itself; distributed: masked, "
            "and the noise of a whole cohort is enough"
        ),
    ] = "none"
    noise_multiplier: Annotated[
        NonNegative, Meta(description="standard deviation of the noise, in multiples of clip_norm")
    ] = 0.0
    epsilon: Annotated[
        NonNegative, Meta(description="noise: a device that has spent so much makes no more updates; 0: no limit")
    ] = 0.0
    failure_probability: Annotated[
        float, Meta(gt=0, lt=1, description="noise: delta of (epsilon, delta)-differential privacy")
    ] = 1e-5

    def __post_init__(self) -> None:
        """Check rules between keys; msgspec turns a ValueError into its own ValidationError."""
        if self.noise == "none":
            if self.noise_multiplier or self.epsilon:
                given = "noise_multiplier" if self.noise_multiplier else "epsilon"
                raise ValueError(f"privacy.{given} needs privacy.noise, 'local' or 'distributed'")
            return
        if not (self.clip_norm and self.noise_multiplier):
            raise ValueError(f"privacy.noise {self.noise!r} needs clip_norm and noise_multiplier above 0")
        if (deviation := self.clip_norm * self.noise_multiplier) > MOST_NOISE:
            raise ValueError(
                f"privacy.clip_norm times noise_multiplier is {deviation:g}: noise above {MOST_NOISE:g} on each value "
                "leaves nothing of a prompt; lower clip_norm"
            )
        if self.noise == "distributed" and not self.is_masked:
            raise ValueError("privacy.noise 'distributed' needs privacy.aggregation 'masked'")

    @property
    def is_masked(self) -> bool:
        """Whether updates travel under masks, so that the coordinator learns sums alone."""
        return self.aggregation == "masked"
