"""Damaged copies of valid inputs: a few random edits of the kinds that break parsers."""

import random
import struct
from collections.abc import Callable, Sequence
from typing import Final

_MOST_EDITS: Final = 6
_LONGEST_RUN: Final = 64
# Lengths and offsets that overflow, and pieces that mean something to the formats at hand.
_NUMBERS: Final = tuple(
    struct.pack(form, value)
    for form, values in {
        "<H": (0, 1, 2**15, 2**16 - 1),
        "<I": (0, 1, 2**31 - 1, 2**31, 2**32 - 1),
        "<Q": (0, 2**31, 2**32, 2**53, 2**63, 2**64 - 1),
        "<f": (float("nan"), float("inf"), -0.0, 3.4e38),
    }.items()
    for value in values
)
_PIECES: Final = (
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b"\r\n", b"\t", b";", b"\x00", b"\xff", b"\xef\xbb\xbf"),
    *(b"null", b"true", b"NaN", b"Infinity", b"-1", b"1e999", b"9007199254740993", b"\\u0000", b"\\ud800"),
    *(b"../", b"%00", b"#", b"?", b"@", b"://", b"[/]", b"\x1b]0;x\x07", "\u202e".encode()),
)

Edit = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a damaged copy of an input.

    Args:
        chance: Source of the choices.
        data: Valid input.
        others: Other valid inputs, pieces of which may be put in.
    """
    changed = bytearray(data)
    for _ in range(chance.randint(1, _MOST_EDITS)):
        chance.choice(_EDITS)(chance, changed, others)
    return bytes(changed)


def _flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _overwrite(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _number(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    number, place = chance.choice(_NUMBERS), chance.randint(0, len(data))
    data[place : place + len(number)] = number


def _digit(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    digits = [place for place, byte in enumerate(data[:4096]) if byte in b"0123456789"]
    if digits:
        data[chance.choice(digits)] = chance.choice(b"0123456789-.e")


def _insert(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    place = chance.randint(0, len(data))
    data[place:place] = chance.choice(_PIECES)


def _delete(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    place = chance.randint(0, len(data))
    del data[place : place + chance.randint(1, _LONGEST_RUN)]


def _repeat(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    place = chance.randint(0, len(data))
    run = data[place : place + chance.randint(1, _LONGEST_RUN)]
    data[place:place] = run * chance.randint(1, 20)


def _cut(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[chance.randint(0, len(data)) :]


def _splice(chance: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = chance.choice(others)
    start = chance.randint(0, len(other))
    place = chance.randint(0, len(data))
    data[place : place + chance.randint(0, _LONGEST_RUN)] = other[start : start + chance.randint(1, _LONGEST_RUN)]


_EDITS: Final[tuple[Edit, ...]] = (*(_flip, _overwrite, _number, _digit, _insert, _delete, _repeat, _cut, _splice),)
