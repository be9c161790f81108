"""How the system is called, and what files may be called on it."""

import platform
import re
import sys
from typing import Final

_TRIED: Final = ("Linux", "Darwin", "Windows")
# Names of devices, with any suffix. Four are codes of languages too: con (Cofán), aux (Aurá), prn (Prasuni), and nul
# (Nusa Laut).
# Source: Microsoft, "Naming Files, Paths, and Namespaces".
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)


def described() -> str:
    """Return the system and the kind of machine, for people."""
    return f"{platform.system()} {platform.machine()}"


def is_tried() -> bool:
    """Tell whether mfpt was ever run on a system like this one."""
    return platform.system() in _TRIED


def folder_name(name: str, *, reserved: bool = sys.platform == "win32") -> str:
    """Return what a folder or file is called that is named after something; it is the name itself nearly always.

    Args:
        name: Name of a language or a federation.
        reserved: Whether the system keeps some names for its devices, as Windows does.
    """
    return f"{name}~" if reserved and _RESERVED.fullmatch(name) else name
