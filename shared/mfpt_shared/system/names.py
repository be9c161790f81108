"""How the system is called, and what files may be called on it."""

import errno
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path
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


def check_name(path: Path, *, reserved: bool = sys.platform == "win32") -> None:
    """Refuse a path that the system would take for a device; whatever it says itself does not help.

    Args:
        path: Path that a person has given.
        reserved: See `folder_name`.

    Raises:
        OSError: It has such a name in it.
    """
    name = next((part for part in path.parts if _RESERVED.fullmatch(part)), None)
    if reserved and name is not None:
        raise OSError(errno.EINVAL, f"Windows keeps the name {name!r} for a device, choose another", str(path))


def folder_name(name: str, *, reserved: bool = sys.platform == "win32") -> str:
    """Return what a folder or file is called that is named after something; it is the name itself nearly always.

    Args:
        name: Name of a language or a federation.
        reserved: Whether the system keeps some names for its devices, as Windows does.
    """
    return f"{name}~" if reserved and _RESERVED.fullmatch(name) else name


def as_argument(text: object) -> str:
    """Return a text as people type it where it is one argument of a command."""
    return subprocess.list2cmdline([str(text)]) if sys.platform == "win32" else shlex.quote(str(text))
