"""Files of named tensors (safetensors): written whole or not at all, and mapped into memory instead of read."""

import json
import mmap
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from mfpt_edge.atomic import atomic_file

_TYPES: Final = {
    "U8": torch.uint8,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
}


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a file, of which only what is touched is read from disk."""

    def __init__(self, path: Path) -> None:
        """Map a file that `write` wrote."""
        with path.open("rb") as stream:
            # Copy-on-write keeps torch from warning about read-only memory; nobody writes.
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        (length,) = struct.unpack_from("<Q", self._map)
        header = json.loads(self._map[8 : 8 + length])
        self.about: dict[str, str] = header.pop("__metadata__", {})
        self._entries = header
        self._start = 8 + length

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


def write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write a file so that no other process ever sees half of it.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_file(path) as part:
        save_file(dict(tensors), part, metadata=dict(about))
