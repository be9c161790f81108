"""Machines that are made small or old: little memory, few cores, a processor of other years."""

import argparse
import contextlib
import os
import re
import shutil
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

    Yields what goes before a program's command line to run it there.

    Args:
        name: What it is like; see `machines`.
        folder: Where files for it may lie.

    Raises:
        NotPossible: Something for it is missing here.
    """
    kind, _, value = name.partition(":")
    if kind == "memory":
        with _group(int(value[:-2]) * UNITS[value[-2:]]) as group:
            yield "/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")
    elif kind == "cores":
        yield "taskset", "--cpu-list", f"0-{int(value) - 1}"
    else:
        yield _emulated(value, folder)


def _emulated(processor: str, folder: Path) -> tuple[str, ...]:
    """Return the command that emulates a processor, which programs also see in /proc/cpuinfo."""
    if shutil.which(EMULATOR) is None:
        raise NotPossible(f"no {EMULATOR} is here (Debian's qemu-user)")
    facts = folder / processor / "proc" / "cpuinfo"
    facts.parent.mkdir(parents=True, exist_ok=True)
    facts.write_text(
        f"processor\t: 0\nmodel name\t: {processor}\nflags\t\t: {PROCESSORS[processor]}\n", encoding="ascii"
    )
    return EMULATOR, "-L", str(folder / processor), "-cpu", processor


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
        try:
            (group / file).write_text(str(limit), encoding="ascii")
        except OSError:
            group.rmdir()
            continue
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
