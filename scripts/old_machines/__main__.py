"""Runs a device on machines that are made small or old, and shows what works on them: one round, and a prediction.

Memory is limited with a control group, cores by affinity; other processors are emulated (Debian's qemu-user), which
takes many times as long as the processor itself. Each machine joins a federation of its own coordinator, which runs on
the machine as it is, and then predicts with a prompt that was made there.

    peak        most memory that the command's processes held; a limited one gives back what it can
    exit code   0: it works; 6: it says that the machine is too old or too small; negative: ended by that signal
"""

import argparse
import contextlib
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich import box
from rich.table import Table

import command_line
from machine import machine
from mfpt_shared.plan_files import plan_from_toml
from mfpt_shared.terminal import PlainConsole
from old_machines.disk import folder_bytes, installed_bytes
from old_machines.machines import NotPossible, machines, made
from old_machines.trial import Outcome, tried

MACHINES: Final = (
    *("memory:4GB", "memory:2GB", "memory:1GB", "memory:600MB", "memory:500MB", "memory:300MB", "memory:200MB"),
    *("cores:1", "processor:Haswell", "processor:SandyBridge", "processor:Nehalem", "processor:Penryn"),
)
NAMES: Final = {
    "country": ("Ufaransa", "Ujerumani", "Misri", "Japani"),
    "language": ("Kifaransa", "Kijerumani", "Kiarabu", "Kijapani"),
    "currency": ("Yuro", "Dola ya Marekani", "Pauni ya Misri", "Yeni ya Japani"),
    "unit": ("kilomita", "lita", "gramu", "saa"),
    "city": ("Paris", "Berlin", "Kairo", "Tokyo"),
}
START_SECONDS: Final = 60.0


def main() -> int:
    """Run the trials."""
    arguments = _arguments()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="mfpt-least-") as place:
        folder = Path(place)
        libraries = None if arguments.as_installed else _copied(folder)
        try:
            with _coordinator(folder, arguments.plan) as broker:
                allowed = _allowed(arguments.plan)
                outcomes.append(_joined("as it is", (sys.executable,), broker, folder, None, allowed))
                for name in arguments.machines:
                    print(f"{name} …", file=sys.stderr, flush=True)
                    with made(name, folder) as how:
                        # An emulated processor has no memory to run short of.
                        where = libraries if name.startswith("memory:") else None
                        outcomes.append(_joined(name, how, broker, folder, where, allowed))
                        outcomes.append(_predicted(name, how, folder, where))
            disk = _disk(folder / "as-it-is")
        except NotPossible as error:
            print(f"least_machines: {error}", file=sys.stderr)
            return 2
    if arguments.json:
        print(json.dumps({"machine": machine(), "outcomes": list(map(dataclasses.asdict, outcomes)), "disk": disk}))
    else:
        _show(outcomes, disk)
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("least_machines", __doc__, "--machines memory:1GB,cores:1,processor:Nehalem")
    parser.add_argument(
        "--machines",
        type=machines,
        default=MACHINES,
        help=f"separated by commas (default {','.join(MACHINES)})",
    )
    parser.add_argument(
        "--plan", type=Path, help="plan of the federation, for the labels of CLDR names (default: cldr)"
    )
    parser.add_argument(
        "--as-installed",
        action="store_true",
        help="do not copy the libraries first: quicker, and limits of memory are not charged for what others have open",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _copied(folder: Path) -> Path:
    """Return a copy of the libraries: what other processes have in memory of the installed ones costs nothing."""
    print("copying the libraries …", file=sys.stderr, flush=True)
    copy = folder / "libraries"
    shutil.copytree(sysconfig.get_path("purelib"), copy, symlinks=True, ignore=shutil.ignore_patterns("*.pth"))
    os.sync()
    for file in copy.rglob("*"):
        if file.is_file():
            with file.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return copy


@contextlib.contextmanager
def _coordinator(folder: Path, plan: Path | None) -> Iterator[str]:
    """Run a coordinator on the machine as it is, and return the address of its broker."""
    log = folder / "coordinator.log"
    options = [] if plan is None else ["--plan", str(command_line.called_from() / plan)]
    command = ["serve", "--data-dir", str(folder / "coordinator"), "--listen", "127.0.0.1:0", *options]
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-m", "mfpt_coord", *command], stderr=stream)
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"listening: .*(mqtt://\S+)", log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.1)
    sys.exit(f"least_machines: the coordinator did not start; its log:\n{log.read_text(encoding='utf-8')}")


def _allowed(plan: Path | None) -> list[str]:
    """Return the options that allow what a plan wants opened."""
    if plan is None:
        return []
    read = plan_from_toml((command_line.called_from() / plan).read_text(encoding="utf-8"), str(plan))
    return ["--allow-backbone", read.backbone.uri]


def _joined(
    name: str, how: tuple[str, ...], broker: str, folder: Path, libraries: Path | None, allowed: list[str]
) -> Outcome:
    """Let a new device make one round."""
    place = folder / name.replace(":", "-").replace(" ", "-")
    place.mkdir()
    rows = [f"{one},{label}" for label, names in NAMES.items() for one in names]
    (place / "names.csv").write_text("\n".join(("text,label", *rows, "")), encoding="utf-8")
    command = ["join", "--lang", "sw", "--broker", broker, "--data", "names.csv", "--state-dir", "state"]
    command += ["--rounds", "1", "--leave-after", "0", "--no-alone", "--json", *allowed]
    return _told(tried(name, how, command, place, libraries))


def _predicted(name: str, how: tuple[str, ...], folder: Path, libraries: Path | None) -> Outcome:
    """Predict with the prompt that was made on the machine as it is."""
    place = folder / (name.replace(":", "-") + "-predicts")
    shutil.copytree(folder / "as-it-is" / "state", place / "state")
    return _told(tried(name, how, ["predict", "--lang", "sw", "--state-dir", "state", "Ufaransa"], place, libraries))


def _told(outcome: Outcome) -> Outcome:
    """Say what became of a command, as the next one may take minutes."""
    cells = f"{outcome.code}, {outcome.seconds:.0f} s, {outcome.peak_bytes / 1e6:.0f} MB"
    print(f"  {outcome.command.split()[1]}: {cells}", file=sys.stderr, flush=True)
    return outcome


def _disk(device: Path) -> dict[str, int]:
    """Return what takes room on a disk, in bytes."""
    installed = {f"mfpt[{extra}], installed": installed_bytes(extra) for extra in ("edge", "onnx")}
    kept = {name: folder_bytes(device / part) for name, part in (("state folder", "state"), ("cache", "cache"))}
    return installed | kept


def _show(outcomes: list[Outcome], disk: dict[str, int]) -> None:
    table = Table("machine", "command", "exit code", "seconds", "peak", box=box.SIMPLE, show_edge=False, pad_edge=False)
    for one in outcomes:
        cells = (
            one.machine,
            one.command.split()[1],
            str(one.code),
            f"{one.seconds:.0f}",
            f"{one.peak_bytes / 1e6:.0f} MB",
        )
        table.add_row(*cells)
    PlainConsole().print(table)
    for one in outcomes:
        if one.code:
            print(f"{one.machine}, {one.command.split()[1]}: {one.said}")
    print("disk: " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in disk.items()))
    print(machine())


if __name__ == "__main__":
    sys.exit(main())
