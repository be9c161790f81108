"""The programs `mfpt-edge.exe` and `mfpt-coord.exe`: distlib's launcher, the Python beside it, and what it starts."""

import importlib.util
import io
import zipfile
from pathlib import Path
from typing import Final

# Where the launcher finds Python, from its own folder: an installation may be moved.
_PYTHON: Final = b"#!<launcher_dir>\\..\\python\\python.exe\r\n"
_CONSOLE: Final = "t64.exe"


def launcher(stub: bytes, module: str) -> bytes:
    """Return a program for Windows that starts `main` of a module.

    Args:
        stub: What `console_stub` returns.
        module: Module.

    Source: the launchers of distlib and pip: a program, a line that names Python, and a zip with `__main__.py`.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__main__.py", f"from {module} import main\n\nmain()\n")
    return stub + _PYTHON + packed.getvalue()


def console_stub() -> bytes:
    """Return distlib's launcher of console programs, for 64-bit processors."""
    found = importlib.util.find_spec("distlib")
    if found is None or found.origin is None:
        raise SystemExit("distlib is not installed: run deploy/windows/build, which installs it")
    return Path(found.origin).with_name(_CONSOLE).read_bytes()
