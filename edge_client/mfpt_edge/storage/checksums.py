"""Whether a file still holds what was written: CRC-32 of its content, kept beside it.

It is found out at every start, so it has to be cheap on small processors too. It is about damage, by disks and by
copies that were cut short: whoever could forge a file in the cache could change the program as well.
"""

import zlib
from pathlib import Path
from typing import Final

import msgspec

CHECKSUMS: Final = "checksums.json"
_BLOCK: Final = 2**20


def checksum(path: Path, start: int = 0) -> int:
    """Return the CRC-32 of a file, without having more than a block of it in memory.

    Args:
        path: Path of the file.
        start: First byte that counts.

    Raises:
        OSError: It cannot be read.
    """
    found, block = 0, memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as stream:
        stream.seek(start)
        while count := stream.readinto(block):
            found = zlib.crc32(block[:count], found)
    return found


def seal(folder: Path) -> None:
    """Write the checksums of all files of a folder into one that is beside them.

    Raises:
        OSError: A file cannot be read, or that one cannot be written.
    """
    found = {file.name: checksum(file) for file in folder.iterdir() if file.is_file() and file.name != CHECKSUMS}
    (folder / CHECKSUMS).write_bytes(msgspec.json.encode(found))


def is_sealed(folder: Path) -> bool:
    """Tell whether a folder has a file with checksums; older versions wrote none."""
    return (folder / CHECKSUMS).exists()


def damage(folder: Path) -> str | None:
    """Return which file of a sealed folder is not what was written, and why; None: there is none."""
    name = CHECKSUMS
    try:
        known = msgspec.json.decode((folder / CHECKSUMS).read_bytes(), type=dict[str, int])
        for name, expected in known.items():
            if checksum(folder / name) != expected:
                return f"{folder / name} is not what was written"
    except OSError as error:
        return f"{folder / name} cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        return f"{folder / name} cannot be read ({error})"
    return None
