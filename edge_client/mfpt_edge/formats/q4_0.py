"""Matrices in blocks of 32 whole numbers, as ONNX Runtime and ggml have them. Needs no torch."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK_WEIGHTS: Final = 32
BLOCK_BYTES: Final = 18

Floats = NDArray[np.float32]


class Q4Matrix(NamedTuple):
    """A matrix in blocks of 32 whole numbers.

    Attributes:
        codes: [rows, columns / 2] uint8, two codes a byte, the first in the low nibble; each 8 too high.
        scales: [rows, columns / 32] float16.
    """

    codes: NDArray[np.uint8]
    scales: NDArray[np.float16]


def from_blocks(blocks: NDArray[np.uint8], rows: int) -> Q4Matrix:
    """Return a matrix of q4_0 blocks [n, 18], without loss; see `e5file` for their layout."""
    scales = np.ascontiguousarray(blocks[:, :2]).view(np.float16)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    return Q4Matrix((nibbles[:, 0::2] | (nibbles[:, 1::2] << 4)).reshape(rows, -1), scales.reshape(rows, -1))


def quantise_q4(weight: Floats) -> Q4Matrix:
    """Return a matrix in blocks of 32 whole numbers from -8 to 7, the largest of a block at -8.

    Args:
        weight: [rows, columns], columns divisible by 32.

    Source: q4_0 of ggml.
    """
    rows = len(weight)
    blocks = weight.reshape(-1, BLOCK_WEIGHTS)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    scales = (largest / -8).astype(np.float16)
    divisor = np.where(scales == 0, 1, scales.astype(np.float32))
    codes = np.clip(np.rint(blocks / divisor) + 8, 0, 15).astype(np.uint8)
    return Q4Matrix((codes[:, 0::2] | (codes[:, 1::2] << 4)).reshape(rows, -1), scales.reshape(rows, -1))


def dequantise(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Decode q4_0 blocks: [n, 18] bytes become [n, 32] float32."""
    scales = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    nibbles = blocks[:, 2:]
    weights = np.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(np.float32)
    return (weights - 8) * scales
