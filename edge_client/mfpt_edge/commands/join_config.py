"""Settings of `mfpt-edge join`, checked once at the edge and passed down as values."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_edge.data.columns import Columns
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.mqtt import BrokerAddress

_SIZE: Final = re.compile(r"(?P<number>[0-9]{1,15}(\.[0-9]{1,9})?) ?(?P<unit>[a-z]*)", re.ASCII | re.IGNORECASE)
_DECIMAL: Final = {unit: 1000**power for power, unit in enumerate(("b", "kb", "mb", "gb", "tb"))}
_BINARY: Final = {unit: 1024**power for power, unit in enumerate(("kib", "mib", "gib", "tib"), start=1)}
_UNITS: Final = {"": 1, **_DECIMAL, **_BINARY}


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
        activation_cache: bytes on disk for lower activations.
        memory: bytes that the process may hold while it trains; None: no bound.
        max_load: of other programs, above which training waits; None: whatever it is.
        pause_on_battery: wait while the machine runs on battery.
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
    activation_cache: int
    memory: int | None
    max_load: float | None
    pause_on_battery: bool


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


def parse_size(text: str, option: str) -> int:
    """Return the bytes in `600MB`, `1.5 GB`, `2GiB` or `1048576`.

    Args:
        text: a number, and a unit of 1000s or 1024s; without one, bytes.
        option: of the command line, for the message.

    Raises:
        UsageError: it is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or found["unit"].lower() not in _UNITS:
        raise UsageError(f"{option} {text!r}: give a size such as 600MB, 1.5GB, 2GiB, or a number of bytes")
    return int(float(found["number"]) * _UNITS[found["unit"].lower()])
