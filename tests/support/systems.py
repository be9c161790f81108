"""What can be tried on some systems only."""

from typing import Final

import pytest

from mfpt_shared.system.names import described

IS_LINUX: Final = described().startswith("Linux")
IS_WINDOWS: Final = described().startswith("Windows")
linux_only: Final = pytest.mark.skipif(not IS_LINUX, reason="only Linux has it")
names_are_bytes: Final = pytest.mark.skipif(not IS_LINUX, reason="names of files are texts there")
has_modes: Final = pytest.mark.skipif(IS_WINDOWS, reason="files have no modes there")
