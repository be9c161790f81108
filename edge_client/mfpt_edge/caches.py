"""What a device keeps only to be faster: how much that is, and how to get rid of it. Needs no torch."""

import shutil
from pathlib import Path
from typing import Final

KINDS: Final = {
    "activations": "what the layers below a late prompt make of texts",
    "backbones": "backbones converted to 4 bits",
    "graphs": "backbones for ONNX Runtime",
}
"""Folder in the cache -> what it holds. Whatever else lies there belongs to somebody else."""


def sizes(cache: Path) -> dict[str, int]:
    """Return bytes on disk, by folder."""
    return {
        kind: sum(file.stat().st_size for file in (cache / kind).rglob("*") if file.is_file() and not file.is_symlink())
        for kind in KINDS
    }


def clear(cache: Path) -> dict[str, int]:
    """Remove all of it, and return the bytes that were freed, by folder.

    Processes that have mapped a file go on with it.

    Raises:
        OSError: a folder cannot be removed.
    """
    freed = sizes(cache)
    for kind in KINDS:
        if (cache / kind).exists():
            shutil.rmtree(cache / kind)
    return freed
