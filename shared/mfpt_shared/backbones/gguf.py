"""What the head of a GGUF file says about its model; the weights are not read.

Source: ggml's specification, docs/gguf.md, versions 2 and 3.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from mfpt_shared.errors import Incompatible

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_NUMBERS: Final[Mapping[int, str]] = {
    **{0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"},
}
_STRING: Final = 8
_ARRAY: Final = 9
_LONGEST: Final = 1 << 28
_DEEPEST: Final = 8


def read_facts(path: Path) -> Mapping[str, object]:
    """Return the keys of a GGUF file whose values are numbers or texts; arrays, such as the vocabulary, are left out.

    Raises:
        Incompatible: The file is not a GGUF file, of an unknown version, or damaged.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(4) != _MAGIC:
                raise Incompatible(f"{path} is not a GGUF file: give another file")
            version, _, count = _read(stream, "IQQ")
            if version not in _VERSIONS:
                raise Incompatible(f"{path} has GGUF version {version}; versions 2 and 3 can be read: convert it")
            found = {}
            for _ in range(count):
                key, value = _text(stream), _value(stream, *_read(stream, "I"))
                if value is not None:
                    found[key] = value
            return found
    except (struct.error, UnicodeDecodeError, ValueError, OSError) as error:
        raise Incompatible(f"{path} cannot be read as GGUF: {error}") from error


def _value(stream: BinaryIO, kind: int, depth: int = 0) -> object | None:
    if kind == _STRING:
        return _text(stream)
    if kind != _ARRAY:
        return _read(stream, _number(kind))[0]
    if depth == _DEEPEST:
        raise ValueError(f"lists are nested more than {_DEEPEST} deep")
    of, length = _read(stream, "IQ")
    if of in (_STRING, _ARRAY):
        for _ in range(length):
            _skip(stream, _read(stream, "Q")[0]) if of == _STRING else _value(stream, of, depth + 1)
    else:
        _skip(stream, length * struct.calcsize(f"<{_number(of)}"))
    return None


def _number(kind: int) -> str:
    if kind not in _NUMBERS:
        raise ValueError(f"there is no value of type {kind}")
    return _NUMBERS[kind]


def _text(stream: BinaryIO) -> str:
    (length,) = _read(stream, "Q")
    if length > _LONGEST:
        raise ValueError(f"a text of {length} bytes")
    return stream.read(length).decode()


def _read(stream: BinaryIO, form: str) -> tuple[int, ...]:
    form = f"<{form}"
    return struct.unpack(form, stream.read(struct.calcsize(form)))


def _skip(stream: BinaryIO, size: int) -> None:
    stream.seek(size, 1)
