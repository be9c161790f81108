"""Limits that the system sets to a process."""

import sys
from typing import Final

HAS_ULIMIT: Final = sys.platform != "win32"
"""Whether people set and raise limits with the shell's command `ulimit`."""
