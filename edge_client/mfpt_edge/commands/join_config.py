"""Settings of `mfpt-edge join`, checked once by the command and passed down as values."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_edge.commands.reach import Reach
from mfpt_edge.data.columns import Columns
from mfpt_edge.storage.settings import Said
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.retries import parse_attempts

CONNECT_ATTEMPTS: Final = 5
"""Attempts at the first connection, unless `--retry` says otherwise."""

_SIZE: Final = re.compile(r"(?P<number>[0-9]{1,15}(\.[0-9]{1,9})?) ?(?P<unit>[a-z]*)", re.ASCII | re.IGNORECASE)
_DURATION: Final = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,9})?) ?(?P<unit>s|min|h|)", re.ASCII)
_SECONDS: Final = {"": 1, "s": 1, "min": 60, "h": 3600}
_DECIMAL: Final = {unit: 1000**power for power, unit in enumerate(("b", "kb", "mb", "gb", "tb"))}
_BINARY: Final = {unit: 1024**power for power, unit in enumerate(("kib", "mib", "gib", "tib"), start=1)}
_UNITS: Final = {"": 1, **_DECIMAL, **_BINARY}
_LARGEST_SIZE: Final = 10**15
"""More than any disk, bytes."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where a device's examples come from.

    Attributes:
        source: File, folder, `hf:<data set>` or `cldr`; None: what the plan names.
        columns: Columns of a table to read.
        max_examples: Largest number of training examples; None: all.
        label_map: File that says what labels mean; None: there is none.
    """

    source: str | None
    columns: Columns
    max_examples: int | None
    label_map: Path | None = None


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a device tries to reach the broker; None: until it succeeds.

    Attributes:
        connect: Attempts at the first connection.
        reconnect: Attempts after the connection was lost.
    """

    connect: int | None
    reconnect: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What training may use of the machine.

    Attributes:
        device: `auto`, `cpu` or `cuda`.
        threads: Threads for matrix products; None: one for each usable core.
        activation_cache: Bytes on disk for the activations of lower layers; 0: none.
        memory: Bytes that the device's processes may hold while it trains; None: a share of what is free.
        round_seconds: Time that a round may compute.
        download: Bytes that a backbone or data set of the plan may be.
    """

    device: str
    threads: int | None
    activation_cache: int
    memory: int | None
    round_seconds: float
    download: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the owner allows a plan beyond what every device has.

    Attributes:
        backbones: Addresses of backbones that may be opened.
        yes: Whether backbone and data of the hub, and data that teach nothing, are allowed without a question.
    """

    backbones: tuple[str, ...]
    yes: bool


@dataclass(frozen=True, slots=True)
class JoinConfig:
    """What `join` was asked for.

    Attributes:
        language: Language of the device.
        federation: Name of the federation.
        reach: How to reach the broker.
        state_dir: State folder of the device.
        data: Where the examples come from.
        retries: How often to try to reach the broker.
        limits: What training may use of the machine.
        allowed: What the owner allows a plan.
        rounds: Accepted updates after which the device makes no more; None: it goes on.
        leave_after: How long it then listens for what the others still make, at most, seconds.
        alone: Whether to tune a prompt alone at the end, for comparison.
        said: What the command line says of when to train and how much to send, whatever the owner has set before.
    """

    language: LanguageCode
    federation: str
    reach: Reach
    state_dir: Path
    data: DataSource
    retries: Retries
    limits: Limits
    allowed: Allowed
    rounds: int | None
    leave_after: float
    alone: bool
    said: Said = Said()


def parse_retries(text: str | None) -> Retries:
    """Return what `--retry` means for a device; None: the option was not given.

    Raises:
        UsageError: It is neither a number nor `forever`.
    """
    if text is None:
        return Retries(CONNECT_ATTEMPTS, None)
    attempts = parse_attempts(text)
    return Retries(attempts, attempts)


def parse_limits(
    device: str, threads: int | None, activation_cache: str, memory: str | None, max_round_time: str, max_download: str
) -> Limits:
    """Return what the options of these names mean.

    Raises:
        UsageError: One of them makes no sense.
    """
    return Limits(
        device=device,
        threads=threads,
        activation_cache=parse_size(activation_cache, "--activation-cache"),
        memory=None if memory is None else parse_size(memory, "--memory"),
        round_seconds=parse_duration(max_round_time, "--max-round-time"),
        download=parse_size(max_download, "--max-download"),
    )


def parse_size(text: str, option: str) -> int:
    """Return the bytes in `600MB`, `1.5 GB`, `2GiB` or `1048576`.

    Args:
        text: Number with a unit, decimal or binary; without a unit, a number of bytes.
        option: Name of the command-line option, for the message.

    Raises:
        UsageError: The text is not a size.
    """
    found = _SIZE.fullmatch(text.strip())
    unit = None if found is None else _UNITS.get(found["unit"].lower())
    if found is None or unit is None or (size := float(found["number"]) * unit) > _LARGEST_SIZE:
        raise UsageError(f"{option} {text!r}: give a size such as 600MB, 1.5GB, 2GiB, or a number of bytes")
    return int(size)


def parse_duration(text: str, option: str, *, none_is_fine: bool = False) -> float:
    """Return the seconds in `90s`, `30min`, `2h` or `90`.

    Args:
        text: Number with a unit; without a unit, a number of seconds.
        option: Name of the command-line option, for the message.
        none_is_fine: Whether it may be zero.

    Raises:
        UsageError: The text is not such a duration.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    seconds = float(found["number"]) * _SECONDS[found["unit"]] if found is not None else -1.0
    if seconds < 0 or (seconds == 0 and not none_is_fine):
        raise UsageError(f"{option} {text!r}: give a time such as 90s, 30min or 2h")
    return seconds
