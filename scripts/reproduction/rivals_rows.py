"""What one system came to in the study of rivals, and the table of all of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean
from typing import Any, Final

SIMULATED: Final = "mfpt, simulation"
REAL: Final = "mfpt, processes"

COLUMNS: Final = (
    *("task", "system", "accuracy", "by language", "s cold", "s training"),
    *("MB device", "MB server", "kB up", "kB down", "against mfpt"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One system on one task with one seed; None for what it does not have.

    Attributes:
        accuracy: Mean over languages of the share of right answers on test examples, 0..1.
        per_language: Language -> accuracy.
        seconds: From the start of the first process to the end of the last round.
        training_seconds: From the beginning of the first round to the end of the last.
        peak_mb: Most memory of a device's process tree; of the whole, where all devices share one.
        server_mb: Most memory of the server's process tree.
        bytes_up: Bytes that a device sends in a round.
        bytes_down: Bytes that a device gets in a round.
        rates: Learning rates of adapter and head that were chosen.
        not_run: Reason why there is nothing.
    """

    system: str
    task: str
    seed: int
    accuracy: float | None = None
    per_language: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    training_seconds: float | None = None
    peak_mb: float | None = None
    server_mb: float | None = None
    bytes_up: float | None = None
    bytes_down: float | None = None
    rates: Sequence[float] | None = None
    not_run: str = ""


# What is compared beside accuracy: less is better.
_COSTS: Final = {
    "seconds": "seconds",
    "peak_mb": "memory of a device",
    "server_mb": "memory of the server",
    "bytes_up": "bytes up",
    "bytes_down": "bytes down",
}


def as_json(row: Row) -> dict[str, Any]:
    """Return a row for `--json`."""
    values = asdict(row)
    return {name: value for name, value in values.items() if name not in ("rates", "not_run") or value}


def lines(rows: Sequence[Row]) -> tuple[tuple[str, ...], ...]:
    """Return the table: a line for each system of each task, averaged over the seeds that ran."""
    keys = dict.fromkeys((row.task, row.system) for row in rows)
    by_key = {key: [row for row in rows if (row.task, row.system) == key] for key in keys}
    return tuple(
        _line(of_system, by_key.get((task, _reference(system)), [])) for (task, system), of_system in by_key.items()
    )


def _reference(system: str) -> str:
    """Return which of ours a system is compared with: simulations with the simulation."""
    return SIMULATED if system.endswith("simulation") else REAL


def _line(rows: Sequence[Row], ours: Sequence[Row]) -> tuple[str, ...]:
    first, ran = rows[0], [row for row in rows if not row.not_run]
    if not ran:
        return first.task, first.system, f"not run: {first.not_run}", *[""] * (len(COLUMNS) - 3)
    languages = {tag: mean(row.per_language[tag] for row in ran) for tag in ran[0].per_language}
    return (
        first.task,
        first.system,
        _text(averaged(ran, "accuracy"), 100, 1),
        " ".join(f"{tag} {100 * value:.1f}" for tag, value in languages.items()),
        _text(averaged(ran, "seconds"), 1, 0),
        _text(averaged(ran, "training_seconds"), 1, 0),
        _text(averaged(ran, "peak_mb"), 1, 0),
        _text(averaged(ran, "server_mb"), 1, 0),
        _text(averaged(ran, "bytes_up"), 1e-3, 1),
        _text(averaged(ran, "bytes_down"), 1e-3, 1),
        _against(ran, [row for row in ours if not row.not_run]),
    )


def averaged(rows: Sequence[Row], name: str) -> float:
    """Return the mean of a value over rows; NaN where none has it."""
    found = [getattr(row, name) for row in rows if getattr(row, name) is not None]
    return mean(found) if found else math.nan


def _text(value: float, factor: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{factor * value:,.{digits}f}"


def _against(rows: Sequence[Row], ours: Sequence[Row]) -> str:
    """Say what a system does better than mfpt, averaged over the seeds that both ran, and how far its accuracy is."""
    both = {row.seed for row in rows} & {row.seed for row in ours}
    theirs, mine = ([row for row in found if row.seed in both] for found in (rows, ours))
    if not both or rows[0].system == ours[0].system:
        return ""
    gain = averaged(theirs, "accuracy") - averaged(mine, "accuracy")
    better = ["accuracy"] if gain > 0 else []
    better += [text for name, text in _COSTS.items() if averaged(theirs, name) < averaged(mine, name)]
    return f"{100 * gain:+.1f}; better: {', '.join(better) or 'nothing'}"
