"""The installer for Windows, packed around a few small files and run under Wine: silent, and without a trace after."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from windows_installer.icon import icon
from windows_installer.setup import pack

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 120


class Windows:
    """A Windows of its own, with one user."""

    def __init__(self, prefix: Path, home: Path) -> None:
        ours = {"WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "HOME": str(home), "LC_ALL": "C.UTF-8"}
        self._variables = os.environ | ours
        self.drive = prefix / "drive_c"

    def run(self, *command: str) -> int:
        """Run a program, and return its exit code."""
        return subprocess.run(
            ["wine", *command],
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        ).returncode

    @contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Run a program that reads its standard input until the context ends."""
        with subprocess.Popen(
            ["wine", *command],
            env=self._variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.read(1)  # it has begun
            yield
            process.stdin.close()

    def knows(self, key: str) -> bool:
        """Tell whether the user's registry has a key."""
        return self.run("reg", "query", rf"HKCU\{key}") == 0

    @property
    def local(self) -> Path:
        """The user's folder for what stays on this computer."""
        (found,) = self.drive.glob("users/*/AppData/Local")
        return found

    def end(self) -> None:
        """End everything that runs in it."""
        subprocess.run(["wineserver", "-k"], env=self._variables, check=False, timeout=SECONDS)


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    if shutil.which("wine") is None or shutil.which("makensis") is None:
        pytest.skip("no Wine with NSIS is here")
    found = Windows(tmp_path_factory.mktemp("windows") / "prefix", tmp_path_factory.mktemp("home"))
    assert found.run("winecfg", "-v", "win10") == 0
    yield found
    found.end()


@pytest.fixture(scope="module")
def installer(windows: Windows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack an installer whose programs do nothing, and put it on the drive."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("python/python.exe", "python/Lib/deep/module.py", "bin/mfpt-edge.exe", "user_path.py", "LICENSE.txt"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"small")
    (tree / "mfpt.ico").write_bytes(icon((16,)))
    made = windows.drive / "mfpt-setup.exe"
    pack(ROOT / "deploy/windows/setup.nsi", tree, made, version="1.2.3", title="mfpt", quick=True)
    return made


def installed(windows: Windows, installer: Path, folder: str) -> int:
    """Run the installer. A folder is given without quotation marks, which Wine would put around its spaces."""
    return windows.run(str(installer), "/S", *f"/D={folder}".split(" "))


def uninstalled(windows: Windows, folder: Path, *options: str) -> int:
    """Run the uninstaller in its place, so that it has ended when this returns."""
    inside = str(folder.relative_to(windows.drive)).replace("/", "\\")
    return windows.run(str(folder / "uninstall.exe"), "/S", *options, *f"_?=C:\\{inside}".split(" "))


ENTRY: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\mfpt"


def test_silent_for_one_user_and_gone_again_but_for_the_data(windows: Windows, installer: Path) -> None:
    assert windows.run(str(installer), "/S") == 0
    folder = windows.local / "Programs" / "mfpt"
    assert (folder / "python/Lib/deep/module.py").read_bytes() == b"small"
    assert windows.knows(ENTRY)
    assert list(windows.drive.rglob("Start Menu/Programs/mfpt/mfpt.lnk"))
    for data in ("edge/default/swh/prompt.mfpt", "Cache/graphs/graph.onnx"):
        (windows.local / "mfpt" / data).parent.mkdir(parents=True, exist_ok=True)
        (windows.local / "mfpt" / data).write_bytes(b"data")

    assert uninstalled(windows, folder) == 0

    assert {path.name for path in folder.iterdir()} <= {"uninstall.exe"}  # it runs where it lies: it cannot go
    assert not windows.knows(ENTRY)
    assert not list(windows.drive.rglob("mfpt.lnk"))
    assert (windows.local / "mfpt/edge/default/swh/prompt.mfpt").exists()
    assert not (windows.local / "mfpt/Cache").exists()


def test_the_data_go_when_that_is_said(windows: Windows, installer: Path) -> None:
    assert installed(windows, installer, r"C:\Programmes à moi\mfpt") == 0
    (windows.local / "mfpt" / "edge").mkdir(parents=True, exist_ok=True)
    assert uninstalled(windows, windows.drive / "Programmes à moi" / "mfpt", "/DATA=remove") == 0
    assert not (windows.local / "mfpt").exists()


def test_what_is_in_use_is_neither_removed_nor_replaced(windows: Windows, installer: Path) -> None:
    assert installed(windows, installer, r"C:\used") == 0
    folder = windows.drive / "used"
    shutil.copy(windows.drive / "windows/system32/cmd.exe", folder / "python/python.exe")

    with windows.running(str(folder / "python/python.exe")):
        assert uninstalled(windows, folder) == 2
        assert installed(windows, installer, r"C:\used") == 2

    assert (folder / "python/Lib/deep/module.py").exists()
    assert windows.knows(ENTRY)
    assert uninstalled(windows, folder) == 0


def test_a_folder_with_something_else_is_left_alone(windows: Windows, installer: Path) -> None:
    other = windows.drive / "other" / "python"
    other.mkdir(parents=True)
    (other / "mine.txt").write_bytes(b"mine")
    assert installed(windows, installer, r"C:\other") == 2
    assert (other / "mine.txt").read_bytes() == b"mine"
    assert not (windows.drive / "other" / "uninstall.exe").exists()
