"""Machines that are made small or old: little memory, few cores, a processor of other years."""

import argparse
import contextlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

EMULATOR: Final = "qemu-x86_64"
UNITS: Final = {"GB": 10**9, "MB": 10**6}
# What these processors have of what libraries ask for; the emulator shows programs the real machine's /proc/cpuinfo.
PROCESSORS: Final = {
    "Haswell": "ssse3 sse4_1 sse4_2 popcnt avx f16c fma avx2 bmi1 bmi2",
    "SandyBridge": "ssse3 sse4_1 sse4_2 popcnt avx",
    "Nehalem": "ssse3 sse4_1 sse4_2 popcnt",
    "Penryn": "ssse3 sse4_1",
}
_MINE: Final = Path("/proc/self/cgroup")
_MOUNTED: Final = Path("/sys/fs/cgroup")


_KNOWN: Final = re.compile(rf"memory:[0-9]+(?:GB|MB)|cores:[1-9][0-9]*|processor:(?:{'|'.join(PROCESSORS)})")


class NotPossible(Exception):
    """What is needed to make a machine like that is missing here."""


def machines(text: str) -> tuple[str, ...]:
    """Read names of machines, separated by commas, from a command line."""
    names = tuple(text.split(","))
    for name in names:
        if not _KNOWN.fullmatch(name):
            known = f"memory:1GB, cores:1 or processor:NAME ({', '.join(PROCESSORS)})"
            raise argparse.ArgumentTypeError(f"{name!r}: give {known}")
    return names


@contextlib.contextmanager
def made(name: str, folder: Path) -> Iterator[tuple[str, ...]]:
    """Make a machine by its name, `memory:1GB`, `cores:1` or `processor:Nehalem`, for as long as the context lasts.

    Yields what runs Python there: the beginning of a command line.

    Args:
        name: What it is like; see `machines`.
        folder: Where files for it may lie.

    Raises:
        NotPossible: Something for it is missing here.
    """
    kind, _, value = name.partition(":")
    if kind == "memory":
        with _group(int(value[:-2]) * UNITS[value[-2:]]) as group:
            yield "/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"), sys.executable
    elif kind == "cores":
        yield "taskset", "--cpu-list", f"0-{int(value) - 1}", sys.executable
    else:
        yield (_emulated(value, folder),)


def _emulated(processor: str, folder: Path) -> str:
    """Return a program that is Python on an emulated processor, for the processes that it starts too.

    Programs see the processor in /proc/cpuinfo as well.
    """
    if shutil.which(EMULATOR) is None:
        raise NotPossible(f"no {EMULATOR} is here (Debian's qemu-user)")
    place = folder / processor
    facts = place / "proc" / "cpuinfo"
    facts.parent.mkdir(parents=True)
    flags = PROCESSORS[processor]
    facts.write_text(f"processor\t: 0\nmodel name\t: {processor}\nflags\t\t: {flags}\n", encoding="ascii")
    python = place / "python"
    real = Path(sys.executable).resolve()
    # What Python takes for its own path (-0) is what it starts other Pythons with.
    emulator = shlex.join((EMULATOR, "-L", str(place), "-cpu", processor, "-0", str(python), str(real)))
    python.write_text(f'#!/bin/sh\nexec {emulator} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return str(python)


@contextlib.contextmanager
def _group(limit: int) -> Iterator[Path]:
    """Make a control group with a limit for memory, below that of this process; remove it in the end."""
    for name, controller, file in (
        ("", "", "memory.max"),
        ("memory", "memory", "memory.limit_in_bytes"),
    ):
        group = _MOUNTED / name / _path(controller).lstrip("/") / f"mfpt-least-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if not (group / file).exists():  # a folder like any other, or a controller that is not on
            group.rmdir()
            continue
        (group / file).write_text(str(limit), encoding="ascii")
        try:
            yield group
        finally:
            group.rmdir()
        return
    raise NotPossible("no control group with a limit for memory can be made here")


def _path(controller: str) -> str:
    """Return the path of this process's group. Source: cgroups(7), /proc/PID/cgroup."""
    lines = (line.split(":", 2) for line in _MINE.read_text(encoding="utf-8").splitlines())
    return next((path for _, controllers, path in lines if controllers == controller), "/")
