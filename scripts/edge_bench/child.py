"""What a measured process is given, and what it prints: one line of JSON."""

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
# Of virtual tokens and head; both fall in a line to nothing, as the Trainer of transformers has it.
PROMPT_RATE, HEAD_RATE = 1e-2, 2e-3


@dataclass(frozen=True, slots=True)
class Texts:
    """Labelled texts: labels as indices."""

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
    """Seconds since the process began, marks included."""

    def __init__(self, began: float) -> None:
        """Start from the parent's clock: the interpreter's own start counts."""
        self._began = began

    def seconds(self) -> float:
        """Return the seconds since the parent started this process."""
        return time.time() - self._began


def answer(**values: Any) -> None:
    """Print what was measured."""
    print(json.dumps(values), flush=True)
