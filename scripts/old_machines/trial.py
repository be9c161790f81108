"""One command on one machine: whether it works there, how long it takes, and how much memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LIMIT_SECONDS: Final = 3600.0
_STRANGE: Final = "OPENBLAS_"
"""Variables that name a processor would have a library use instructions that the emulated one lacks."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command.

    Attributes:
        machine: Name of the machine.
        command: Command, as people would give it.
        code: Exit code; negative: the signal that ended it.
        seconds: Time that it took. Emulated processors take many times as long as real ones.
        peak_bytes: Most memory that its processes held; 0 if it is not known.
        said: The last line that it wrote for people.
    """

    machine: str
    command: str
    code: int
    seconds: float
    peak_bytes: int
    said: str


def tried(machine: str, python: tuple[str, ...], command: list[str], folder: Path, libraries: Path | None) -> Outcome:
    """Run an `mfpt-edge` command on a machine.

    Args:
        machine: Name of the machine.
        python: What runs Python there: the beginning of a command line.
        command: Arguments of `mfpt-edge`.
        folder: Folder for its output and its cache.
        libraries: Folder with a copy of the libraries, which no other process has in memory; None: the installed ones.
    """
    started = time.monotonic()
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [*python, *(("-S",) if libraries else ()), "-m", "mfpt_edge", *command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=_environment(folder, libraries),
            cwd=folder,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    lines = [line for line in (folder / "err").read_text("utf-8", "replace").splitlines() if "qemu" not in line]
    return Outcome(
        machine=machine,
        command=" ".join(("mfpt-edge", *command)),
        code=os.waitstatus_to_exitcode(status),
        seconds=round(time.monotonic() - started, 1),
        peak_bytes=_peak((folder / "out").read_text("utf-8", "replace"), usage.ru_maxrss * 1024),
        said=lines[-1] if lines else "",
    )


def _peak(out: str, of_one: int) -> int:
    """Return the memory of all processes where the command tells; otherwise that of the largest one."""
    try:
        return int(json.loads(out)["peak_rss_bytes"])
    except (ValueError, KeyError, TypeError):
        return of_one


def _environment(folder: Path, libraries: Path | None) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_STRANGE)}
    places = [place for place in sys.path if place and (libraries is None or "site-packages" not in place)]
    paths = os.pathsep.join((*places, *((str(libraries),) if libraries else ())))
    return kept | {"MFPT_CACHE": str(folder / "cache"), "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"}
