"""Makes the installer for Windows: fills a folder as it will lie on the user's disk, and packs it with NSIS."""

import argparse
import hashlib
import shutil
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

from mfpt_shared import __version__
from windows_installer import parts, setup
from windows_installer.icon import icon
from windows_installer.launchers import console_stub, launcher
from windows_installer.trim import trim

ROOT: Final = Path(__file__).parents[2]
WINDOWS: Final = ROOT / "deploy" / "windows"
COMMANDS: Final = {"mfpt-edge": "mfpt_edge.commands.app", "mfpt-coord": "mfpt_coord.commands.app"}


class Variant(NamedTuple):
    """What an installer holds.

    Attributes:
        lock: File with its wheels.
        file: Name of the installer.
        title: What people read.
    """

    lock: str
    file: str
    title: str


VARIANTS: Final = {
    "full": Variant("full.txt", "mfpt-setup.exe", "mfpt"),
    "predict": Variant("predict.txt", "mfpt-setup-predict.exe", "mfpt (only predicts)"),
}


def main() -> None:
    """Make one installer."""
    arguments = argparse.ArgumentParser(prog="deploy/windows/build")
    arguments.add_argument("variant", nargs="?", choices=VARIANTS, default="full")
    arguments.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the installer (default: dist)")
    arguments.add_argument("--quick", action="store_true", help="pack it in a fifth of the time, and larger")
    given = arguments.parse_args()
    variant = VARIANTS[given.variant]
    work = ROOT / "build" / "windows" / given.variant
    shutil.rmtree(work, ignore_errors=True)
    tree = work / "tree"
    _say("fetching and unpacking Python, the libraries, the backbone and mfpt")
    filled(tree, variant)
    given.out.mkdir(parents=True, exist_ok=True)
    made = given.out.absolute() / variant.file
    _say(f"packing {_megabytes(tree)} MB, which takes some minutes")
    setup.pack(WINDOWS / "setup.nsi", tree, made, version=__version__, title=variant.title, quick=given.quick)
    print(f"{made}: {made.stat().st_size / 1e6:.0f} MB; installed: {_megabytes(tree)} MB; SHA-256:")
    with made.open("rb") as stream:
        print(hashlib.file_digest(stream, "sha256").hexdigest())


def filled(tree: Path, variant: Variant) -> None:
    """Fill a folder with everything that is installed.

    Args:
        tree: Folder, which does not exist yet.
        variant: What it holds.
    """
    python, programs = tree / "python", tree / "bin"
    parts.embeddable(WINDOWS / "python.txt", python)
    site = python / "Lib" / "site-packages"
    parts.libraries(WINDOWS / variant.lock, python)
    parts.product(ROOT, python)
    parts.backbone(WINDOWS / "backbone.txt", site)
    trim(site)
    programs.mkdir()
    stub = console_stub()
    for name, module in COMMANDS.items():
        (programs / f"{name}.exe").write_bytes(launcher(stub, module))
    (tree / "mfpt.ico").write_bytes(icon())
    shutil.copy(WINDOWS / "user_path.py", tree)
    shutil.copy(ROOT / "LICENSE", tree / "LICENSE.txt")


def _megabytes(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6)


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
