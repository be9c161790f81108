"""Frozen weights in 4 bits: matrices, decoded where a product needs them, and tables, decoded row by row.

Two codes a byte, the first in the low nibble; a float16 scale for each block of a row; and a codebook that says what
the sixteen codes mean: NF4's quantiles of a normal distribution, or the whole numbers from -8 to 7 of q4_0. In a
multilingual model the token table *is* the model (81 % of multilingual-e5-small), so it is held in the same way.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from mfpt_edge.formats.q4_0 import BLOCK_BYTES, dequantise
from mfpt_edge.host.least import require_to_convert
from mfpt_shared.system.processor import features

Codebook = Literal["nf4", "q4_0"]

# Source: QLoRA, Dettmers et al. 2023, appendix E.
_NF4: Final = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635),
    *(-0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634),
    *(0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)
_BOOKS: Final[dict[Codebook, tuple[float, ...]]] = {"nf4": _NF4, "q4_0": tuple(float(code - 8) for code in range(16))}
_BLOCKS: Final = (64, 32)
_ROWS_AT_ONCE: Final = 16_384


class Packed(NamedTuple):
    """A matrix in 4 bits.

    Attributes:
        codes: [rows, columns / 2] uint8.
        scales: [rows, columns / block] float16.
        book: Meaning of the codes, in units of the scale.
    """

    codes: Tensor
    scales: Tensor
    book: Codebook

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the decoded matrix."""
        return self.codes.shape[0], 2 * self.codes.shape[1]

    def decode(self, dtype: torch.dtype) -> Tensor:
        """Return the matrix [rows, columns] in float32 or bfloat16."""
        pairs = _pairs(self.book, dtype, self.codes.device)
        # Two values at a time: a byte is looked up as one word that holds both.
        words = torch.index_select(pairs, 0, self.codes.reshape(-1).int())
        blocks = words.view(dtype).view(*self.scales.shape, -1)
        return blocks.mul_(self.scales.to(dtype)[..., None]).view(self.shape)

    def rows(self, rows: Tensor) -> "Packed":
        """Return some rows."""
        return Packed(self.codes[rows], self.scales[rows], self.book)

    def to(self, device: torch.device) -> "Packed":
        """Return the same on a device."""
        return Packed(self.codes.to(device), self.scales.to(device), self.book)


@cache
def _pairs(book: Codebook, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return for every byte the two values that it stands for, side by side in one integer: [256]."""
    values = torch.tensor(_BOOKS[book], dtype=dtype, device=device)
    byte = torch.arange(256, device=device)
    both = torch.stack([values[byte & 15], values[byte >> 4]], dim=1)
    return both.view(torch.int32 if dtype.itemsize == 2 else torch.int64).flatten()


def stack(parts: Sequence[Packed]) -> Packed:
    """Return several matrices of equal width as one, below each other."""
    codes, scales = torch.cat([part.codes for part in parts]), torch.cat([part.scales for part in parts])
    return Packed(codes, scales, parts[0].book)


def quantise(weight: Tensor) -> Packed | None:
    """Return a matrix in NF4, some rows at a time; None if its width allows no blocks.

    Args:
        weight: [rows, columns], any floating type.

    Raises:
        Unsuited: The processor is too old for bitsandbytes.

    Source: QLoRA, Dettmers et al. 2023, section 3; computed by bitsandbytes.
    """
    require_to_convert("the backbone")
    from bitsandbytes.functional import quantize_4bit  # noqa: PLC0415 - takes seconds, and only a conversion needs it

    rows, columns = weight.shape
    block = next((size for size in _BLOCKS if columns % size == 0), None)
    if block is None:
        return None
    codes, scales = [], []
    for start in range(0, rows, _ROWS_AT_ONCE):
        part = weight[start : start + _ROWS_AT_ONCE].float().contiguous()
        packed, state = quantize_4bit(part, blocksize=block, quant_type="nf4")
        packed = packed.reshape(len(part), -1)
        codes.append((packed << 4) | (packed >> 4))  # bitsandbytes has the first of a pair in the high nibble
        scales.append(state.absmax.reshape(len(part), -1).half())
    return Packed(torch.cat(codes), torch.cat(scales), "nf4")


def compute_dtype(device: torch.device) -> torch.dtype:
    """Return the type to multiply in: bfloat16 where the hardware has it (two to four times as fast), else float32."""
    native = device.type == "cuda" or (device.type == "cpu" and _cpu_has_bfloat16())
    return torch.bfloat16 if native else torch.float32


@cache
def _cpu_has_bfloat16() -> bool:
    # Windows itself does not tell of these; torch does since 2.13.
    told_by_torch: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    flags = (features() or frozenset()) | {name for name, is_there in told_by_torch.items() if is_there}
    return "avx512_bf16" in flags or "amx_bf16" in flags


class _Product(torch.autograd.Function):
    """x W^T + b with W in 4 bits: decoded for each pass, and never kept in between."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Packed, bias: Tensor | None) -> Tensor:  # noqa: ANN401 - of torch
        context.weight = weight
        return nn.functional.linear(x, weight.decode(x.dtype), bias)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 - of torch
        (gradient,) = gradients
        return gradient @ context.weight.decode(gradient.dtype), None, None


def product(x: Tensor, weight: Packed, bias: Tensor | None = None) -> Tensor:
    """Return x W^T + b, [..., in] -> [..., out], in the type of x; gradients go to x alone."""
    result: Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # torch has no types here
    return result


class Linear4bit(nn.Module):
    """A frozen linear layer in 4 bits; gradients pass through to its input."""

    codes: Tensor
    scales: Tensor
    bias: Tensor | None

    def __init__(self, weight: Packed, bias: Tensor | None, dtype: torch.dtype) -> None:
        """Wrap a layer.

        Args:
            weight: [out, in].
            bias: [out].
            dtype: Type to multiply in.
        """
        super().__init__()
        self._book = weight.book
        self._dtype = dtype
        self.register_buffer("codes", weight.codes)
        self.register_buffer("scales", weight.scales)
        self.register_buffer("bias", None if bias is None else bias.to(dtype))

    @property
    def packed(self) -> Packed:
        """The weight [out, in]."""
        return Packed(self.codes, self.scales, self._book)

    def forward(self, x: Tensor) -> Tensor:
        """Return x W^T + b: [..., in] becomes [..., out], in the type of x."""
        return product(x.to(self._dtype), self.packed, self.bias).to(x.dtype)


class Embedding4bit(nn.Module):
    """A token table in 4 bits; a batch decodes only the rows that it needs."""

    codes: Tensor
    scales: Tensor

    def __init__(self, table: Packed, factor: float = 1.0, dtype: torch.dtype = torch.float32) -> None:
        """Wrap a table.

        Args:
            table: [rows, width]; it may be mapped from a file.
            factor: Factor for what is looked up.
            dtype: Type to multiply in, where the table also turns states into tokens.
        """
        super().__init__()
        self.dtype = dtype
        self._book = table.book
        self._factor = factor
        self.embedding_dim = table.shape[1]
        self.register_buffer("codes", table.codes)
        self.register_buffer("scales", table.scales)

    @property
    def packed(self) -> Packed:
        """The table [rows, width]."""
        return Packed(self.codes, self.scales, self._book)

    def forward(self, ids: Tensor) -> Tensor:
        """Decode rows: ids [...] become [..., width] float32."""
        rows = self.packed.rows(ids.reshape(-1)).decode(torch.float32)
        return self._factor * rows.view(*ids.shape, self.embedding_dim)


def plain_table(weight: Tensor) -> nn.Module:
    """Return a frozen token table in 32 bits: weight [rows, width]."""
    rows, width = weight.shape
    return nn.Embedding(rows, width, _weight=weight.float(), _freeze=True)


class BlockEmbedding(nn.Module):
    """A token table in q4_0 blocks, on a processor, mapped from a file; a batch decodes only the rows that it needs."""

    blocks: Tensor

    def __init__(self, blocks: Tensor, width: int) -> None:
        """Wrap a table.

        Args:
            blocks: [rows, width / 32 * 18] uint8, see `formats.q4_0`.
            width: Width of a decoded row.
        """
        super().__init__()
        self.embedding_dim = width
        self.register_buffer("blocks", blocks, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Decode rows: ids [...] become [..., width] float32."""
        blocks = self.blocks[ids.reshape(-1)].view(-1, BLOCK_BYTES)
        return torch.from_numpy(dequantise(blocks.numpy())).view(*ids.shape, self.embedding_dim)


class Footprint(NamedTuple):
    """What weights take in memory.

    Attributes:
        held: bytes, with the scales.
        fp32: Bytes that the same weights would take in 32 bits.
    """

    held: int
    fp32: int


def footprint(model: nn.Module) -> Footprint:
    """Measure the weights of a model, quantised or not; position numbers and the like count as what they are."""
    held = fp32 = 0
    for module in model.modules():
        match module:
            case Linear4bit() | Embedding4bit():
                matrix = 4 * module.codes.numel() * 2
            case BlockEmbedding():
                matrix = 4 * len(module.blocks) * module.embedding_dim
            case _:
                matrix = 0
        fp32 += matrix
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            held += tensor.numel() * tensor.element_size()
            if not (matrix and name in ("codes", "scales", "blocks")):
                fp32 += 4 * tensor.numel()
    return Footprint(held, fp32)
