"""A Windows Python for the tests: what `wine/setup` makes beside the checkout, with what this checkout needs on top."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.systems import IS_ROOT
from support.windows import windows_path

ROOT: Final = Path(__file__).parents[2]
SETUP: Final = ROOT.parent / "shared" / "wine" / "setup"
NOT_HERE: Final = "no Windows Python can be had here"
_PACKAGES: Final = ("shared", "coordinator", "edge_client", "tests")
# What the unit tests that run there need, with what it needs itself.
_FOR_TESTS: Final = ("pytest", "pluggy", "iniconfig", "hypothesis", "sortedcontainers", "attrs")
# It has no wheel, and only tests and scripts import it.
_NOT_WANTED: Final = frozenset({"seqeval"})
_SITE: Final = Path("windows", "Lib", "site-packages")


def windows_python() -> Path:
    """Return a folder with a Windows Python that runs this checkout; it is made in some minutes, once.

    MFPT_WINE names another place than beside the tests' own Python.
    """
    place = Path(os.environ.get("MFPT_WINE", Path(sys.prefix) / "wine"))
    if not (place / "done").exists() and not _made(place):
        pytest.skip(NOT_HERE)
    if missing := _missing(place / _SITE):
        _install(missing, place / _SITE)
    paths = [windows_path(ROOT / package) for package in _PACKAGES]
    (place / "pythonpath.txt").write_text("\n".join(paths), encoding="utf-8")
    return place


def _made(place: Path) -> bool:
    """Make the folder, and return whether that was possible here."""
    if not SETUP.exists() or shutil.which("apt-get") is None or not IS_ROOT:
        return False
    return subprocess.run([str(SETUP), str(place)], capture_output=True, timeout=1200, check=False).returncode == 0


def _missing(site: Path) -> list[str]:
    """Return the requirements of this checkout, and of its tests, that are not installed."""
    there = {_name(found.name.split("-")[0]) for found in site.glob("*.dist-info")}
    return [one for one in (*_requirements(), *_FOR_TESTS) if _name(one) not in there | _NOT_WANTED]


def _requirements() -> Iterator[str]:
    """Yield what a device and a coordinator need, as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in (
        *project["dependencies"],
        *(line for name in ("onnx", "edge") for line in _extra(project, name)),
    ):
        wanted, _, condition = requirement.partition(";")
        if not wanted.startswith("mfpt[") and ("sys_platform" not in condition or "win32" in condition):
            yield wanted.strip()


def _extra(project: dict[str, dict[str, list[str]]], name: str) -> list[str]:
    return project["optional-dependencies"][name]


def _install(requirements: list[str], site: Path) -> None:
    platform = ["--platform", "win_amd64", "--python-version", "3.13", "--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, *platform, "--target", str(site), *requirements], timeout=600, check=True)


def _name(requirement: str) -> str:
    """Return the name of a distribution as all spell it."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()
