"""Durations as people write them on a command line."""

import re
from collections.abc import Mapping
from typing import Final

from mfpt_shared.errors import UsageError

_UNITS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,6})([smhd])", re.ASCII)


def seconds_of(text: str, endless: str = "never") -> float | None:
    """Return the seconds of a duration such as `7d` or `90m`; None for one without an end.

    Args:
        text: What somebody typed.
        endless: Word for a duration without an end.

    Raises:
        UsageError: It is not a duration.
    """
    if text == endless:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not a duration: give a number and s, m, h or d, such as 7d, or {endless}")
    return float(int(found[1]) * _UNITS[found[2]])
