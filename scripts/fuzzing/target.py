"""What is fuzzed: a reader, valid inputs to start from, and the errors that it declares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """One reader.

    Attributes:
        name: Name on the command line.
        seeds: Valid inputs.
        read: Reads an input; whatever the bytes, it returns or raises one of `declared`.
        declared: Errors that the reader declares.
    """

    name: str
    seeds: Sequence[bytes]
    read: Callable[[bytes], object]
    declared: tuple[type[Exception], ...]


def of_a_file(file: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Return a reader of bytes that puts them into a file first."""

    def write_and_read(data: bytes) -> object:
        file.write_bytes(data)
        return read(file)

    return write_and_read
