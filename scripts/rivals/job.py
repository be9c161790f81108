"""What a rival is given: the sentences of each device, and how long to train. Plain JSON, plain Python."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

Kind = Literal["classification", "tagging"]

Adapter = Literal["prompt", "lora", "all", "none"]
"""What is tuned beside the head: virtual tokens at the input, low-rank matrices, all weights, or nothing."""


class Rates(NamedTuple):
    """Learning rates of adapter and head; both fall linearly to zero within a round."""

    adapter: float
    head: float


@dataclass(frozen=True, slots=True)
class Item:
    """One example.

    Attributes:
        words: The words of a text; a text whose labels are not its words' is one long word.
        labels: Index of the label of every word, or of the one text.
    """

    words: tuple[str, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """What one device holds."""

    language: str
    train: tuple[Item, ...]
    test: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """A task, its devices, and how long they train.

    Attributes:
        kind: Whether a text has one label, or each of its words has one.
        labels: Number of labels.
        prefix: Text before every text, as the backbone was trained.
        max_tokens: Number of tokens after which a text is cut.
        batch: Examples in a step.
        rounds: Rounds of each device.
        epochs: Epochs of a round.
        compute: Type that the frozen backbone multiplies in, `bfloat16` or `float32`.
        checkpoint: Folder with the backbone and its tokenizer, for transformers.
        seed: Source of every random number.
    """

    kind: Kind
    labels: int
    prefix: str
    max_tokens: int
    batch: int
    rounds: int
    epochs: int
    compute: str
    checkpoint: str
    seed: int
    devices: tuple[Device, ...]

    def write(self, path: Path) -> None:
        """Write it for another process."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Read what another process wrote."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        devices = tuple(
            Device(one["language"], _items(one["train"]), _items(one["test"])) for one in found.pop("devices")
        )
        return cls(**found, devices=devices)

    def to_choose_with(self) -> "Job":
        """Return this job with a fifth of every device's training examples to test on, and no test examples."""
        return replace(self, devices=tuple(_held_out(device) for device in self.devices))


def _items(found: Sequence[dict[str, Any]]) -> tuple[Item, ...]:
    return tuple(Item(tuple(one["words"]), tuple(one["labels"])) for one in found)


def _held_out(device: Device) -> Device:
    """Hold out every fifth training example."""
    held = device.train[::5]
    return replace(device, train=tuple(one for at, one in enumerate(device.train) if at % 5), test=held)
