"""What federations need: in virtual time a folder in memory, and as processes a path on which scripts are found."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where the system has one: on thousands of commits, their way to a disk tells nothing."""
    if not _MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY) as name:
        yield Path(name)


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes import what is in the folder of scripts: the stub devices are there."""
    found = Path(__file__).parents[2] / "scripts"
    monkeypatch.setenv("PYTHONPATH", f"{found}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
