"""A virtual environment for Flower, apart from mfpt's: their requirements differ.

Flower and what it requires are installed into it. Torch, transformers and PEFT are those of the environment that mfpt
runs in, which stands behind it on the path: both sides compute with the same libraries, and nothing large is fetched.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rivals.errors import NotRun

REQUIREMENT: Final = "flwr[simulation]>=1.42,<2"
_BEHIND: Final = "libraries-of-mfpt.pth"


def flower_environment(folder: Path, say: Callable[[str], None]) -> Path:
    """Return the folder with Flower's commands; make the environment first where there is none.

    Args:
        folder: Folder of the environment, which may not exist yet.
        say: Told what is downloaded, before it is.

    Raises:
        NotRun: pip cannot install Flower.
    """
    commands = folder / "bin"
    if not (folder / _BEHIND).exists():
        say(f"making {folder}, and downloading {REQUIREMENT} into it with pip (once; some 250 MB)")
        _call([sys.executable, "-m", "venv", str(folder)])
        _call([str(commands / "python"), "-m", "pip", "install", "--disable-pip-version-check", "-q", REQUIREMENT])
        (packages,) = folder.glob("lib/python*/site-packages")
        behind = sysconfig.get_path("purelib") + "\n"
        (packages / _BEHIND).write_text(behind, encoding="utf-8")
        # Written last: it says that all of the above is done.
        (folder / _BEHIND).write_text(behind, encoding="utf-8")
    return commands


def _call(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise NotRun(f"{' '.join(command[1:4])} failed: {''.join(last) or done.returncode}")
