"""A disk of its own that can be filled: a small file system in memory, which only root may mount."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NOT_MOUNTED = "only root may mount a small disk"
KILOBYTES = 512


class SmallDisk:
    """A mounted disk.

    Attributes:
        path: Its top folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave no room at all."""
        with self._ballast.open("ab", buffering=0) as stream, contextlib.suppress(OSError):
            while True:
                stream.write(bytes(512))

    def make_room(self) -> None:
        """Take away what `fill` wrote."""
        self._ballast.unlink()

    def set_read_only(self, *, read_only: bool) -> None:
        """Allow nobody to write, or everybody again."""
        mode = "ro" if read_only else "rw"
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.path)], check=True)


@contextlib.contextmanager
def small_disk(path: Path, kilobytes: int = KILOBYTES) -> Iterator[SmallDisk]:
    """Mount a disk on a new folder until the context ends; the test is skipped where that is not allowed."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "none", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(NOT_MOUNTED)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
