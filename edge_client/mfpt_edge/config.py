"""Settings of `mfpt-edge join`, checked once at the edge and passed down as values."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from mfpt_edge.data import Columns
from mfpt_shared.errors import Incompatible, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.mqtt import BrokerAddress


@dataclass(frozen=True, slots=True)
class JoinConfig:
    """What `join` was asked for.

    Attributes:
        data: source of examples; None: what the plan names.
        retries: failed connection attempts before giving up; None: never give up.
        rounds: leave after so many accepted updates; None: stay.
        max_examples: limit of the training split.
        threads: for matrix products; None: all cores.
        alone: also tune a prompt alone, for comparison, once the federation's part is over.
    """

    language: LanguageCode
    federation: str
    broker: BrokerAddress
    state_dir: Path
    data: str | None
    columns: Columns
    retries: int | None
    reconnects: int | None
    rounds: int | None
    max_examples: int | None
    device: str
    threads: int | None
    alone: bool


def parse_retries(text: str) -> int | None:
    """Return the number in `--retry N`, or None for `forever`.

    Raises:
        UsageError: it is neither.
    """
    if text == "forever":
        return None
    if not text.isdecimal():
        raise UsageError(f"--retry {text!r}: give a number of attempts, or 'forever'")
    return int(text)


def require_engine() -> None:
    """Check that the libraries of the prompt engine are there, without importing them.

    Raises:
        Incompatible: this is an installation for a server.
    """
    for library in ("torch", "transformers", "peft", "bitsandbytes"):
        if importlib.util.find_spec(library) is None:
            raise Incompatible(f"{library} is not installed, which a device needs: pip install 'mfpt[edge]'")
