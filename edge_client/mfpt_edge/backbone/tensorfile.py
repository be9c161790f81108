"""Files of named tensors (safetensors): written whole or not at all, and mapped into memory instead of read.

A file that is written here names its own digest, of the names, types, shapes and places of its tensors, and the
checksum of their values. One that says something else was damaged, and is made again.

Source of the form: safetensors' README, "Format".
"""

import errno
import hashlib
import logging
import math
import mmap
import os
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec
import torch
from torch import Tensor

from mfpt_edge.storage.cache import discard
from mfpt_edge.storage.checksums import checksum
from mfpt_shared.atomic import atomic_file
from mfpt_shared.folders import private_folder
from mfpt_shared.system.files import may_be_held

_log = logging.getLogger(__name__)

_TYPES: Final = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}
_METADATA: Final = "__metadata__"
_DIGEST: Final = "sha256"
_CHECKSUM: Final = "crc32"
_UNKNOWN: Final = "--------"
"""Stands for the checksum, which has as many digits, until the values are written."""


class _Entry(msgspec.Struct, frozen=True):
    """A tensor in a header.

    Attributes:
        data_offsets: First byte and the one after the last, counted from the end of the header.
    """

    dtype: str
    shape: tuple[Annotated[int, msgspec.Meta(ge=0)], ...]
    data_offsets: tuple[Annotated[int, msgspec.Meta(ge=0)], int]

    def check(self) -> None:
        """Check that type, shape and place agree."""
        first, stop = self.data_offsets
        if self.dtype not in _TYPES:
            raise ValueError(f"unknown type {self.dtype!r}")
        if math.prod(self.shape) * _TYPES[self.dtype].itemsize != stop - first:
            raise ValueError("a shape does not fit its place")


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a file; only what is touched is read from disk."""

    def __init__(self, path: Path, *, own: bool = False) -> None:
        """Map a file.

        Args:
            path: Path of the file.
            own: Whether it was written here, and therefore names its digest and its checksum.

        Raises:
            OSError: It cannot be read, or is damaged.
        """
        try:
            with path.open("rb") as stream:
                # Copy-on-write keeps torch from warning about read-only memory; nothing is written.
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        except ValueError as error:
            raise OSError(errno.EIO, f"damaged ({error})", str(path)) from error
        try:
            self._look(path, own=own)
        except OSError:
            self._map.close()  # a file that is mapped cannot be removed on every system
            raise

    def _look(self, path: Path, *, own: bool) -> None:
        """Read the header, and see that it tells the truth.

        Raises:
            OSError: The file is damaged.
        """
        try:
            (length,) = struct.unpack_from("<Q", self._map)
            self._entries, expected = _read_header(self._map[8 : 8 + length], own=own)
            end = max((entry.data_offsets[1] for entry in self._entries.values()), default=0)
        except (ValueError, RecursionError, struct.error) as error:
            raise OSError(errno.EIO, f"damaged ({error})", str(path)) from error
        self._start = 8 + length
        if len(self._map) < self._start + end:
            raise OSError(errno.EIO, "damaged (cut short)", str(path))
        if own and f"{checksum(path, self._start):08x}" != expected:
            raise OSError(errno.EIO, "damaged (its values are not what was written)", str(path))

    def __getitem__(self, name: str) -> Tensor:
        entry = self._entries[name]
        first, stop = entry.data_offsets
        kind = _TYPES[entry.dtype]
        if first == stop:
            return torch.empty(entry.shape, dtype=kind)
        count = (stop - first) // kind.itemsize
        return torch.frombuffer(self._map, dtype=kind, count=count, offset=self._start + first).view(entry.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def opened(path: Path | None) -> TensorFile | None:
    """Return a file that was written here and can be made again, or None if it does not exist.

    A damaged one is removed, with a line in the log.
    """
    if path is None:
        return None
    try:
        return TensorFile(path, own=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _log.warning("%s is made again: %s", path, error.strerror)
        if error.errno in (errno.EIO, errno.EISDIR):  # damage, and not a limit of this process
            discard(path)
        return None


def write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a file so that no other process ever sees half of it.

    Raises:
        OSError: It cannot be written.
    """
    # Wide types first, so that every value lies where processors like to read it.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize)
    private_folder(path.parent)
    with _made(path) as partial, partial.open("wb") as stream:
        stream.write(_header({name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in ordered}))
        for _, tensor in ordered:
            stream.write(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        _write_checksum(partial, stream)


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
    """
    header = _header({name: (torch.float16, shape)})
    private_folder(path.parent)
    with _made(path) as partial, partial.open("wb") as stream:
        if shutil.disk_usage(path.parent).free < rows_size(name, shape):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        stream.write(header)
        for first, part in parts:
            stream.seek(len(header) + first * shape[1] * torch.float16.itemsize)
            stream.write(part.to("cpu", torch.float16).contiguous().numpy().tobytes())
        _write_checksum(partial, stream)


@contextmanager
def _made(path: Path) -> Iterator[Path]:
    """Do as `atomic_file` does, unless another process has made the same file meanwhile, and holds it.

    Raises:
        OSError: It cannot be written.
    """
    try:
        with atomic_file(path) as partial:
            yield partial
    except OSError as error:
        if not (may_be_held(error) and path.exists()):
            raise


def rows_size(name: str, shape: tuple[int, int]) -> int:
    """Return the bytes of what `write_rows` writes."""
    return len(_header({name: (torch.float16, shape)})) + shape[0] * shape[1] * torch.float16.itemsize


def _header(tensors: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]) -> bytes:
    """Return the head of a file with these tensors, one after the other."""
    entries, start = {}, 0
    for name, (kind, shape) in tensors.items():
        stop = start + math.prod(shape) * kind.itemsize
        entries[name] = _Entry(_NAMES[kind], shape, (start, stop))
        start = stop
    metadata = {_CHECKSUM: _UNKNOWN, _DIGEST: _digest(entries)}
    content = msgspec.json.encode({_METADATA: metadata, **entries})
    content += b" " * (-len(content) % 8)
    return struct.pack("<Q", len(content)) + content


def _write_checksum(path: Path, stream: BinaryIO) -> None:
    """Put the checksum of a file's values, which are all written, into its head."""
    stream.flush()
    with path.open("rb") as written:
        head = written.read(struct.unpack("<Q", written.read(8))[0])
    stream.seek(8 + head.index(_UNKNOWN.encode()))
    stream.write(f"{checksum(path, 8 + len(head)):08x}".encode())


def _read_header(content: bytes, *, own: bool) -> tuple[dict[str, _Entry], str | None]:
    """Return the entries of a header, and the checksum of the values if it names one.

    Raises:
        ValueError: It is damaged.
    """
    parts = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    metadata = parts.pop(_METADATA, None)
    entries = {name: msgspec.json.decode(part, type=_Entry) for name, part in parts.items()}
    for entry in entries.values():
        entry.check()
    if not own:
        return entries, None
    known = {} if metadata is None else msgspec.json.decode(metadata, type=dict[str, str])
    if known.get(_DIGEST) != _digest(entries):
        raise ValueError("not what was written here")
    return entries, known.get(_CHECKSUM)


def _digest(entries: Mapping[str, _Entry]) -> str:
    return hashlib.sha256(msgspec.json.encode(sorted(entries.items()))).hexdigest()
