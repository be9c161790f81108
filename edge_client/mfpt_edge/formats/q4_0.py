"""Matrices in q4_0, blocks of 32 whole numbers with a scale, as ggml and ONNX Runtime have them. Needs no torch.

A block of a file is a float16 scale and 16 bytes for 32 weights: byte i holds the code of weight i in its low nibble
and that of weight 16 + i in its high nibble. A weight is its code less 8, in units of the scale.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK_WEIGHTS: Final = 32
BLOCK_BYTES: Final = 18

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Halves = NDArray[np.float16]


class Q4Matrix(NamedTuple):
    """A matrix with its codes and scales apart.

    Attributes:
        codes: [rows, columns / 2] uint8, two codes a byte, the first in the low nibble.
        scales: [rows, columns / 32] float16.
    """

    codes: Bytes
    scales: Halves


def from_blocks(blocks: Bytes, rows: int) -> Q4Matrix:
    """Return the matrix that blocks [n, 18] of a file hold, without loss."""
    codes, scales = _unpacked(blocks)
    return _matrix(codes, scales, rows)


def dequantise(blocks: Bytes) -> Floats:
    """Decode blocks of a file: [n, 18] bytes become [n, 32] float32."""
    codes, scales = _unpacked(blocks)
    weights = codes.astype(np.float32)
    weights -= 8
    weights *= scales
    return weights


def quantise_q4(weight: Floats) -> Q4Matrix:
    """Return a matrix in blocks of 32 whole numbers from -8 to 7, the largest of a block at -8.

    Args:
        weight: [rows, columns], columns divisible by 32.

    Source: q4_0 of ggml.
    """
    blocks = weight.reshape(-1, BLOCK_WEIGHTS)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    scales = (largest / -8).astype(np.float16)
    divisor = np.where(scales == 0, 1, scales.astype(np.float32))
    codes = np.clip(np.rint(blocks / divisor) + 8, 0, 15).astype(np.uint8)
    return _matrix(codes, scales, len(weight))


def _unpacked(blocks: Bytes) -> tuple[Bytes, Halves]:
    """Return codes [n, 32] and scales [n, 1] of blocks of a file."""
    scales: Halves = np.ascontiguousarray(blocks[:, :2]).view("<f2")
    return np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1), scales


def _matrix(codes: Bytes, scales: Halves, rows: int) -> Q4Matrix:
    pairs = codes[:, 0::2] | np.left_shift(codes[:, 1::2], np.uint8(4))
    return Q4Matrix(pairs.reshape(rows, -1), scales.reshape(rows, -1))
