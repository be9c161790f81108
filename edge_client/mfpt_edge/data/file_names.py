"""What the name of a data file says: its format, and what it is called without that."""

from pathlib import Path
from typing import Final

PACKED: Final = ".gz"
"""What stands after the suffix of a file that gzip has packed."""


def suffix_of(path: Path) -> str:
    """Return what says the format, in lower case: `.csv` for `Train.CSV` and for `train.csv.gz`."""
    return _unpacked(path).suffix.lower()


def stem_of(path: Path) -> str:
    """Return the name without what says the format: `train` for `train.csv.gz`."""
    return _unpacked(path).stem


def _unpacked(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == PACKED else path
