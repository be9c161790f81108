"""The icon: three circles that share a middle, drawn here, so that no picture is kept beside the code."""

import struct
import zlib
from collections.abc import Sequence
from typing import Final

SIZES: Final = (16, 32, 48, 256)
# Centre and colour of each circle, in a square of side 1; colours of Okabe and Ito, which everybody tells apart.
_CIRCLES: Final = ((0.5, 0.34, (0, 114, 178)), (0.34, 0.62, (230, 159, 0)), (0.66, 0.62, (0, 158, 115)))
_RADIUS: Final = 0.3
_STEPS: Final = (0.125, 0.375, 0.625, 0.875)


def icon(sizes: Sequence[int] = SIZES) -> bytes:
    """Return an ICO file with one PNG for each size.

    Args:
        sizes: Sides of the pictures, pixels, 256 at most.

    Source: Microsoft, ICONDIR and ICONDIRENTRY; PNG specification, 3rd edition.
    """
    pictures = [_png(size) for size in sizes]
    entries, at = b"", 6 + 16 * len(pictures)
    for size, picture in zip(sizes, pictures, strict=True):
        side = size % 256  # 0 means 256
        entries += struct.pack("<4B2H2I", side, side, 0, 0, 1, 32, len(picture), at)
        at += len(picture)
    return struct.pack("<3H", 0, 1, len(pictures)) + entries + b"".join(pictures)


def _png(size: int) -> bytes:
    rows = b"".join(b"\0" + b"".join(_pixel(x, y, size) for x in range(size)) for y in range(size))
    header = struct.pack(">2I5B", size, size, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, chunks))


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    name, content = chunk
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _pixel(x: int, y: int, size: int) -> bytes:
    """Return red, green, blue and opacity: the mean of the circles' colours at some points inside the pixel."""
    points = [_colours((x + right) / size, (y + down) / size) for right in _STEPS for down in _STEPS]
    inside = [colour for colour in points if colour is not None]
    if not inside:
        return bytes(4)
    mean = (round(sum(channel) / len(inside)) for channel in zip(*inside, strict=True))
    return bytes((*mean, round(255 * len(inside) / len(points))))


def _colours(x: float, y: float) -> tuple[float, ...] | None:
    """Return the mean colour of the circles that a point lies in; None: it lies in none."""
    found = [colour for right, down, colour in _CIRCLES if (x - right) ** 2 + (y - down) ** 2 <= _RADIUS**2]
    return tuple(sum(channel) / len(found) for channel in zip(*found, strict=True)) if found else None
