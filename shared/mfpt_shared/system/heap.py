"""The C library's heap. Only glibc can be told what it keeps; others do nothing here."""

import ctypes
import sys
from collections.abc import Callable
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # Source: mallopt(3)
_LARGE: Final = 2**20


def keep_heap_small() -> None:
    """Make the C library return large blocks to the system as soon as they are freed."""
    if (option := _c_function("mallopt")) is not None:
        option(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Make the C library return the freed memory that it keeps for later to the system."""
    if (trim := _c_function("malloc_trim")) is not None:
        trim(0)


def _c_function(name: str) -> Callable[..., int] | None:
    if sys.platform == "win32":  # a program has no library without a name there
        return None
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
