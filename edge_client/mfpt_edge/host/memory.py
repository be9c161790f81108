"""Memory that a device gives. Needs no torch."""

from pathlib import Path
from typing import Final

from mfpt_shared.system.memory import MEMINFO, free_bytes

LEAST_BYTES: Final = 1_000_000_000
"""Enough for the bundled backbone with the default plan."""


def spare_bytes(meminfo: Path = MEMINFO) -> int:
    """Return the memory that a device gives unless its owner says otherwise: half of what is free; see `free_bytes`."""
    return max(LEAST_BYTES, free_bytes(meminfo) // 2)
