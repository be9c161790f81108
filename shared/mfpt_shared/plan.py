"""The federation plan: everything that coordinator and devices must agree on, as one frozen, validated tree.

The coordinator reads the plan from TOML and publishes it as JSON, and every device follows it. Its sections, in
`plan_sections`, can be imported from here as well.
"""

import hashlib
import re
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from mfpt_shared.backbones.describe import check_sources
from mfpt_shared.errors import PlanError, UsageError
from mfpt_shared.plan_sections import (
    Aggregation,
    BackboneSpec,
    DistanceMetric,
    Privacy,
    PromptMethod,
    PromptSpec,
    Section,
    Task,
    TaskKind,
    Training,
)

__all__ = [
    "Aggregation",
    "BackboneSpec",
    "DistanceMetric",
    "Privacy",
    "PromptMethod",
    "PromptSpec",
    "Section",
    "Task",
    "TaskKind",
    "Training",
]

_FEDERATION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

_ADDED: Final = frozenset(("aggregation", "min_group", "noise", "noise_multiplier", "epsilon", "failure_probability"))
"""Keys of the section `privacy` that the first devices of protocol 2 did not know."""

SectionT = TypeVar("SectionT", bound=Section)


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
        """Check rules between fields; msgspec turns a ValueError into its own ValidationError."""
        if not _FEDERATION_NAME.fullmatch(self.federation):
            raise ValueError(
                f"federation {self.federation!r} must be lower-case letters, digits, '-' and '_' (at most 64)"
            )
        check_sources(self.backbone.uri, self.task.data)
        if len(set(self.task.labels)) != len(self.task.labels):
            raise ValueError("task.labels names a label twice")
        if self.task.generates and self.task.labels:
            raise ValueError("task.labels must be empty where task.kind is generation")
        if not self.task.generates and len(self.task.labels) < 2:
            raise ValueError("task.labels needs at least two labels")
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
        """Whether the first round finds the head in closed form; a task that generates has no head."""
        return self.training.head_start == "ridge" and not self.task.generates

    @property
    def shows_heads(self) -> bool:
        """Whether heads in closed form would travel in the open; they show which examples a device holds."""
        return self.starts_closed and not self.privacy.is_masked

    @property
    def binding(self) -> bytes:
        """What binds devices, as JSON; see `binding_part`."""
        return msgspec.json.encode(binding_part(self))

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that identify what the plan asks of devices."""
        return hashlib.sha256(self.binding).hexdigest()[:16]


class ReceivedPlan(Plan, frozen=True):
    """A plan that another version of mfpt has written, with fewer keys or in another order than this one would.

    It keeps the name that its writer gave it: all who follow it must call it alike.

    Attributes:
        written: What binds devices, as it was written.
    """

    written: bytes = b""

    @property
    def binding(self) -> bytes:
        """What binds devices, as it was written."""
        return self.written


def federation_name(name: str) -> str:
    """Return the name of a federation, checked.

    Raises:
        UsageError: The name would not fit into a topic or the name of a folder.
    """
    if not _FEDERATION_NAME.fullmatch(name):
        raise UsageError(f"--federation {name!r} must be lower-case letters, digits, '-' and '_' (at most 64)")
    return name


def checked(section: SectionT) -> SectionT:
    """Return a section or plan that was made in code, checked as if it had been read from a file.

    Raises:
        PlanError: A value is out of bounds.
    """
    return made(type(section), **msgspec.to_builtins(section))


def labels_from(text: str) -> tuple[str, ...]:
    """Return the labels that `--labels` names, separated by commas, without white space around them.

    Raises:
        UsageError: One of them is empty, or named twice.
    """
    labels = tuple(label.strip() for label in text.split(","))
    for place, label in enumerate(labels):
        if not label:
            raise UsageError(f"--labels {text!r}: label {place + 1} is empty; put one comma between two labels")
        if label in labels[:place]:
            raise UsageError(f"--labels {text!r} names {label!r} twice; leave one out")
    return labels


def made(section: type[SectionT], /, **fields: object) -> SectionT:
    """Return a section or plan with these fields, checked as if it had been read from a file.

    Raises:
        PlanError: A value is out of bounds.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(fields), type=section)
    except msgspec.ValidationError as error:
        raise PlanError(f"{_name(section)}: {error}") from error


def _name(section: type[Section]) -> str:
    """Return the name of a section in a plan file."""
    return section.__name__.removesuffix("Spec").lower()


def plan_to_json(plan: Plan) -> bytes:
    """Return the canonical JSON of a plan: its keys in a fixed order, without spaces."""
    return msgspec.json.encode(_written(plan))


def binding_part(plan: Plan) -> dict[str, object]:
    """Return what binds devices, as JSON values: all sections but `aggregation`, which is the coordinator's affair."""
    fields = _written(plan)
    del fields["aggregation"]
    return fields


def _written(plan: Plan) -> dict[str, object]:
    """Return a plan as JSON values.

    Keys that came into protocol 2 after its first release are left out where they have their default: such a plan has
    the digest that it always had, and devices that do not know the keys can follow it.
    """
    fields: dict[str, Any] = msgspec.to_builtins(plan)
    defaults: dict[str, object] = msgspec.to_builtins(Privacy())
    privacy = fields["privacy"]
    fields["privacy"] = {key: privacy[key] for key in privacy if key not in _ADDED or privacy[key] != defaults[key]}
    return fields
