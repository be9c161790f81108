"""Files of named tensors (safetensors): written whole or not at all, and mapped into memory instead of read."""

import contextlib
import errno
import json
import logging
import mmap
import os
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from mfpt_shared.atomic import atomic_file

_log = logging.getLogger(__name__)

_TYPES: Final = {
    "U8": torch.uint8,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
}


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a file; only what is touched is read from disk."""

    def __init__(self, path: Path) -> None:
        """Map a file.

        Raises:
            OSError: It cannot be read, or is damaged.
        """
        try:
            with path.open("rb") as stream:
                # Copy-on-write keeps torch from warning about read-only memory; nothing is written.
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
            (length,) = struct.unpack_from("<Q", self._map)
            header = json.loads(self._map[8 : 8 + length])
            header.pop("__metadata__", None)
            end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        except (ValueError, TypeError, AttributeError, KeyError, struct.error) as error:
            raise OSError(errno.EIO, f"damaged ({error})", str(path)) from error
        self._entries = header
        self._start = 8 + length
        if len(self._map) < self._start + end:
            raise OSError(errno.EIO, "damaged (cut short)", str(path))

    def __getitem__(self, name: str) -> Tensor:
        entry = self._entries[name]
        first, stop = entry["data_offsets"]
        kind = _TYPES[entry["dtype"]]
        if first == stop:
            return torch.empty(entry["shape"], dtype=kind)
        count = (stop - first) // kind.itemsize
        return torch.frombuffer(self._map, dtype=kind, count=count, offset=self._start + first).view(entry["shape"])

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def opened(path: Path | None) -> TensorFile | None:
    """Return a file that can be made again, or None if it does not exist; a damaged one is removed."""
    if path is None or not path.exists():
        return None
    try:
        return TensorFile(path)
    except OSError as error:
        _log.warning("%s is made again: %s", path, error.strerror)
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a file so that no other process ever sees half of it.

    Raises:
        OSError: It cannot be written.
    """
    with atomic_file(path) as partial:
        save_file(dict(tensors), partial)


def write_rows(path: Path, name: str, shape: tuple[int, int], parts: Iterable[tuple[int, Tensor]]) -> None:
    """Write a file of one float16 matrix that is never in memory as a whole; as `write` does.

    Args:
        path: Path of the file.
        name: Name of the matrix.
        shape: Rows and columns of the matrix.
        parts: Pairs of a first row and some rows [n, columns] of any floating type, until all are there. It is not
            started where the disk has no room.

    Raises:
        OSError: It cannot be written.

    Source of the form: safetensors' README, "Format".
    """
    header = _rows_header(name, shape)
    with atomic_file(path) as partial, partial.open("wb") as stream:
        if shutil.disk_usage(path.parent).free < rows_size(name, shape):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        stream.write(header)
        for first, part in parts:
            stream.seek(len(header) + first * shape[1] * torch.float16.itemsize)
            stream.write(part.to("cpu", torch.float16).contiguous().numpy().tobytes())


def rows_size(name: str, shape: tuple[int, int]) -> int:
    """Return the bytes of what `write_rows` writes."""
    return len(_rows_header(name, shape)) + shape[0] * shape[1] * torch.float16.itemsize


def _rows_header(name: str, shape: tuple[int, int]) -> bytes:
    stop = shape[0] * shape[1] * torch.float16.itemsize
    header = json.dumps({name: {"dtype": "F16", "shape": shape, "data_offsets": [0, stop]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header
