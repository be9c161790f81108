"""Checks of the machine: Python and its libraries, memory, the disk under state and cache, and the cache itself."""

import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_edge.doctor.examination import Answer, ok, warning
from mfpt_edge.host.extras import has_engine, has_onnx, how_to_install, require_engine
from mfpt_edge.host.least import require_to_predict, require_to_train
from mfpt_edge.host.memory import LEAST_BYTES
from mfpt_edge.storage.cache import sizes
from mfpt_shared.background import in_background
from mfpt_shared.environment import sentence
from mfpt_shared.errors import MfptError, NotInstalled
from mfpt_shared.system.memory import free_bytes, total_bytes
from mfpt_shared.system.names import described, is_tried
from mfpt_shared.system.processor import lacks_avx2

CACHE_BYTES: Final = 1_100_000_000
"""Room for a cache: the activations of `--activation-cache` as it is unless said otherwise, and the backbone."""
_PROBE: Final = bytes(64 * 1024)


async def python() -> Answer:
    """Look at Python and the platform."""
    found = f"Python {platform.python_version()} on {described()}"
    if not is_tried():
        return warning(found, "only Linux, macOS and Windows are tried")
    if lacks_avx2():
        return warning(f"{found}, a processor without AVX2", "training works, several times more slowly")
    return ok(found)


async def libraries() -> Answer:
    """Look for the libraries of the extra `edge`; those to predict alone are enough for who only predicts.

    Raises:
        NotInstalled: Some are missing.
    """
    try:
        require_engine()
    except NotInstalled as error:
        if not has_onnx():
            raise
        return warning("those to predict are installed, those to train are not: mfpt-edge join needs them", str(error))
    if not has_onnx():
        return warning("those to train are installed, those to predict fast are not", how_to_install("onnx"))
    return ok("all that training and predicting need are installed")


async def memory() -> Answer:
    """Look at how much memory there is, and how much is free.

    Raises:
        Unsuited: There is too little to train, or, where nothing that trains is installed, to predict.
    """
    found = f"{(free := free_bytes()) / 1e9:.1f} GB free"
    if not has_engine():
        require_to_predict(total_bytes())
        return ok(found)
    require_to_train(total_bytes())
    if free < LEAST_BYTES:
        return warning(
            f"{found}; training with the bundled backbone takes up to {LEAST_BYTES / 1e9:.0f} GB",
            "end other programs, or join with --memory 600MB, which is slower",
        )
    return ok(found)


@dataclass(frozen=True, slots=True)
class Room:
    """Looks whether a folder, or where it would be made, can be written to, and has room.

    Attributes:
        folder: The folder; it may be missing.
        least: Bytes below which there is a warning.
        option: How people name another one.
        is_needed: Whether a device cannot do without it.
    """

    folder: Path
    least: int
    option: str
    is_needed: bool

    async def __call__(self) -> Answer:
        """See Look."""
        try:
            place, free = await in_background(self._written)
        except OSError as error:
            line = sentence(error, self.folder)
            if self.is_needed:
                raise MfptError(f"cannot write to {line} ({self.option})") from error
            return warning(f"cannot write to {line}", f"it works without, and starts later ({self.option})")
        found = f"{place} can be written to, {free / 1e9:.1f} GB free"
        if free < self.least:
            return warning(
                found, f"{self.least / 1e9:.2g} GB are better: make room, or name another place ({self.option})"
            )
        return ok(found)

    def _written(self) -> tuple[Path, int]:
        """Write a file without a name to the folder, or the nearest above it that exists; return place and room."""
        place = next(one for one in (self.folder, *self.folder.parents) if one.exists())
        with tempfile.TemporaryFile(dir=place, buffering=0) as probe:
            probe.write(_PROBE)
        return place, shutil.disk_usage(place).free


@dataclass(frozen=True, slots=True)
class Cached:
    """Looks at what a cache holds."""

    cache: Path

    async def __call__(self) -> Answer:
        """See Look."""
        try:
            held = await in_background(lambda: sum(sizes(self.cache).values()))
        except OSError as error:
            return warning(f"cannot read {sentence(error, self.cache)}", "it works without, and starts later")
        return ok(f"{self.cache} holds {held / 1e6:.0f} MB; mfpt-edge cache clear empties it")
