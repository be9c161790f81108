"""Bodies of frames: tensors in the safetensors format, dtypes F32, F16 and I8; or bare integers of 16 bits.

An int8 tensor `x` comes with `x:scale` (F32, one factor for each row; a vector is one row) and means values * scale.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from mfpt_shared.errors import DecodeError
from mfpt_shared.tensors import Array, Half, Quantised

MAX_TENSORS: Final = 64

Tensors = Mapping[str, Array | Half | Quantised]

_DTYPES: Final[Mapping[str, type[np.generic]]] = {"F32": np.float32, "F16": np.float16, "I8": np.int8}
_SCALE: Final = ":scale"
_CODE: Final = np.dtype("<u2")


def write_values(values: NDArray[np.uint16]) -> bytes:
    """Return integers as bytes, little endian."""
    return values.astype(_CODE).tobytes()


def read_values(body: bytes) -> NDArray[np.uint16]:
    """Return the integers in a body.

    Raises:
        DecodeError: There is none, or half of one.
    """
    if not body or len(body) % _CODE.itemsize:
        raise DecodeError(f"{len(body)} bytes are no integers of 16 bits")
    return np.frombuffer(body, _CODE).astype(np.uint16)


def write_tensors(tensors: Tensors) -> bytes:
    """Return tensors as safetensors."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, Quantised):
            arrays[name] = tensor.values
            arrays[name + _SCALE] = tensor.scale
        else:
            arrays[name] = np.ascontiguousarray(tensor)
    return safetensors.numpy.save(arrays)


def read_tensors(body: bytes) -> Tensors:
    """Return the tensors in a body.

    Raises:
        DecodeError: They cannot be read, are too many, or hold a value that is not finite.
    """
    try:
        entries = safetensors.deserialize(body)  # type: ignore[no-untyped-call]  # it has no annotations
    except safetensors.SafetensorError as error:
        raise DecodeError(f"the tensors cannot be read: {error}") from error
    if len(entries) > MAX_TENSORS:
        raise DecodeError(f"{len(entries)} tensors; the limit is {MAX_TENSORS}")
    arrays = {name: _array(name, entry) for name, entry in entries}
    # A tensor called x:scale is a scale only next to an int8 x; any other is an array of its own, checked like all.
    quantised = {name for name, array in arrays.items() if array.dtype == np.int8}
    return {
        name: _pair(name, arrays) if name in quantised else array
        for name, array in sorted(arrays.items())
        if name.removesuffix(_SCALE) not in quantised or name in quantised
    }


def _array(name: str, entry: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise DecodeError(f"tensor {name[:80]!r} has dtype {entry['dtype']}; F32, F16 and I8 are allowed")
    shape = entry["shape"]
    if not 1 <= len(shape) <= 2 or 0 in shape:
        raise DecodeError(f"tensor {name[:80]!r} has shape {shape}; one or two dimensions are allowed, none of them 0")
    array = np.frombuffer(entry["data"], dtype=dtype).reshape(shape)
    if dtype is not np.int8 and not np.isfinite(array).all():
        raise DecodeError(f"tensor {name[:80]!r} holds a value that is not finite")
    return array


def _pair(name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Quantised:
    values, scale = arrays[name], arrays.get(name + _SCALE)
    rows = values.shape[0] if values.ndim > 1 else 1
    if scale is None or scale.dtype != np.float32 or scale.shape != (rows,):
        raise DecodeError(f"int8 tensor {name[:80]!r} needs {name[:80] + _SCALE!r}, F32 [{rows}]")
    # 127 * scale must stay finite, or finite numbers would dequantise to infinity.
    if np.abs(scale).max() > np.finfo(np.float32).max / 128:
        raise DecodeError(f"tensor {name[:80] + _SCALE!r} is too large")
    return Quantised(values, scale)
