"""What signatures and TLS cost together: federations with both and with neither, which take turns on the same machine.

Both are `mfpt-coord serve --open` with its embedded broker, which knows its devices apart and holds each to its own
topics. The secured one serves TLS under the coordinator's key, and every message is signed and verified on both sides;
in the unsecured one, seals are zeros that nobody looks at, on plain TCP.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Final, TypedDict

from round_bench.flood import accepted_updates
from round_bench.rounds import noop_round_ms
from round_bench.served import Protection
from round_bench.sizes import Sizes

DEVICES: Final = 2
"""Devices of the rounds that are compared."""


class Speed(TypedDict):
    """How fast a federation is, or how many times as slow as another one."""

    noop_round_ms: float
    accepted_per_s: float


class Compared(TypedDict):
    """Medians of all turns; `ratio` says how many times as long the secured federation takes."""

    secured: Speed
    unsecured: Speed
    ratio: Speed


def compare(sizes: Sizes) -> Compared:
    """Measure secured and unsecured federations in turn.

    Raises:
        MfptError: One of them did not get to its end.
    """
    kinds: list[Protection] = ["secured", "unsecured"]
    measured: dict[Protection, list[Speed]] = {kind: [] for kind in kinds}
    for _ in range(sizes.turns):
        for kind in kinds:
            measured[kind].append(_speed(sizes, kind))
        kinds.reverse()  # whatever comes and goes on this machine meets neither first every time
    secured, unsecured = _medians(measured["secured"]), _medians(measured["unsecured"])
    return {
        "secured": secured,
        "unsecured": unsecured,
        "ratio": {
            "noop_round_ms": round(secured["noop_round_ms"] / unsecured["noop_round_ms"], 2),
            "accepted_per_s": round(unsecured["accepted_per_s"] / secured["accepted_per_s"], 2),
        },
    }


def _speed(sizes: Sizes, kind: Protection) -> Speed:
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
        round_ms = noop_round_ms(Path(folder), DEVICES, sizes, kind)
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
        flooded = accepted_updates(Path(folder), sizes, kind)
    return {"noop_round_ms": round_ms, "accepted_per_s": flooded.accepted / flooded.seconds}


def _medians(speeds: list[Speed]) -> Speed:
    return {
        "noop_round_ms": round(statistics.median(speed["noop_round_ms"] for speed in speeds), 2),
        "accepted_per_s": round(statistics.median(speed["accepted_per_s"] for speed in speeds), 1),
    }
