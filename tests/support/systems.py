"""What can be tried on some systems only."""

import os
from typing import Final

import pytest

from mfpt_shared.system.names import described

IS_LINUX: Final = described().startswith("Linux")
IS_WINDOWS: Final = described().startswith("Windows")
IS_ROOT: Final = getattr(os, "geteuid", lambda: None)() == 0
linux_only: Final = pytest.mark.skipif(not IS_LINUX, reason="only Linux has it")
names_are_bytes: Final = pytest.mark.skipif(not IS_LINUX, reason="names of files are texts there")
has_modes: Final = pytest.mark.skipif(IS_WINDOWS, reason="files have no modes there")
