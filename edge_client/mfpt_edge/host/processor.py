"""What the processor can do. Needs no torch."""

import platform
import re
from pathlib import Path
from typing import Final

_CPUINFO: Final = Path("/proc/cpuinfo")
_FLAGS: Final = re.compile(r"^flags\s*:(.*)$", re.MULTILINE)


def lacks_avx2(cpuinfo: Path = _CPUINFO, machine: str | None = None) -> bool:
    """Tell whether this is an x86 processor without AVX2, for which matrix libraries have slow routines only.

    Args:
        cpuinfo: File with the processor's features. Source: proc_cpuinfo(5). Where there is none, nothing is lacking.
        machine: Kind of processor, as `uname -m` names it; None: that of this machine.
    """
    if (machine or platform.machine()).lower() not in ("x86_64", "amd64"):
        return False
    try:
        found = _FLAGS.search(cpuinfo.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return False
    return found is not None and "avx2" not in found[1].split()
