"""What a measured process is given, and how it answers: one line of JSON."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCH = 16
EPOCHS = 8
MAX_TOKENS = 128
VIRTUAL_TOKENS = 20
PREFIX = "query: "
# Learning rates of virtual tokens and head; both fall linearly to zero, the default of the transformers Trainer.
PROMPT_RATE, HEAD_RATE = 1e-2, 2e-3
WEIGHT_DECAY = 0.01
# Standard deviation of the first virtual tokens; the first head is empty.
INITIAL_STD = 0.3


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts with the indices of their labels."""

    train: Sequence[tuple[str, int]]
    test: Sequence[tuple[str, int]]
    labels: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Texts":
        """Read what the parent wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        train, test = ([(text, label) for text, label in found[name]] for name in ("train", "test"))
        return cls(train, test, tuple(found["labels"]))


class Clock:
    """Seconds since the parent started this process."""

    def __init__(self, began: float) -> None:
        """Take over the parent's time of the start, so that the interpreter's own start counts."""
        self._began = began

    def seconds(self) -> float:
        """Return the seconds since the parent started this process."""
        return time.time() - self._began


def answer(**values: Any) -> None:
    """Print what was measured."""
    print(json.dumps(values), flush=True)
