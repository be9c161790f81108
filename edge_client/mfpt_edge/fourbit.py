"""Frozen weights in 4 bits: linear layers through bitsandbytes, and token tables that decode only the rows asked for.

In a multilingual model the token table *is* the model (81 % of multilingual-e5-small), and no quantiser of linear
layers touches it; hence the two tables here.
"""

import importlib
import logging
from types import ModuleType
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

_BLOCK: Final = 64
_CLIP: Final = 0.9
_ROWS_AT_ONCE: Final = 16_384
_SCALES_PER_BLOCK: Final = 256


def _import_bitsandbytes() -> ModuleType:
    """Import bitsandbytes without its advice to fetch another kernel from the hub, which no device here needs."""

    def is_wanted(record: logging.LogRecord) -> bool:
        return "kernels-community" not in record.getMessage()

    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    logger.addFilter(is_wanted)
    try:
        return importlib.import_module("bitsandbytes")
    finally:
        logger.removeFilter(is_wanted)


bitsandbytes = _import_bitsandbytes()


class Footprint(NamedTuple):
    """What weights take in memory.

    Attributes:
        held: bytes, with the statistics of the quantisation.
        fp32: bytes that the same weights would take in 32 bits.
    """

    held: int
    fp32: int


def compute_dtype(device: torch.device) -> torch.dtype:
    """Return the type to multiply in: bfloat16 where the hardware has it (three to four times faster), else float32."""
    native = device.type == "cuda" or (device.type == "cpu" and bitsandbytes.functional.has_avx512bf16())
    return torch.bfloat16 if native else torch.float32


def linear4bit(weight: Tensor, bias: Tensor | None, device: torch.device) -> nn.Module:
    """Return a frozen linear layer in NF4 with double quantisation. Source: QLoRA, Dettmers et al. 2023, section 3.

    Args:
        weight: [out, in] float32.
        bias: [out] float32.
        device: where the layer will live.
    """
    width_out, width_in = weight.shape
    layer = bitsandbytes.nn.Linear4bit(
        width_in, width_out, bias is not None, compute_dtype=compute_dtype(device), quant_type="nf4", device="meta"
    )
    parameter = bitsandbytes.nn.Params4bit(
        _clip_outliers(weight), requires_grad=False, quant_type="nf4", blocksize=_BLOCK, module=layer
    )
    layer.weight = parameter.to(device)
    if bias is not None:
        layer.bias = nn.Parameter(bias.to(device), requires_grad=False)
    keep_differentiable(layer)
    linear: nn.Module = layer
    return linear


def keep_differentiable(layer: Any) -> None:  # noqa: ANN401 - bitsandbytes has no types
    """Forbid a `Linear4bit` to repack its weights for inference.

    On CPUs with AVX512-BF16, the first call in eval mode without gradients repacks the weights in place for a kernel
    that has no backward, and training through the layer fails from then on.
    """
    layer.support_avx512bf16_for_cpu = False


def _clip_outliers(weight: Tensor) -> Tensor:
    """Clip a block's largest weights where its other weights gain more precision by it than the clipped ones lose.

    The scale of a block is its largest weight. Weights that were in 4 bits before lie on an even grid, whose ends NF4's
    uneven levels meet badly: clipping halves the distance of e5-small's pooled vectors from those in 32 bits.
    """
    if weight.numel() % _BLOCK:
        return weight
    blocks = weight.reshape(-1, _BLOCK)

    def squared_error(candidate: Tensor) -> Tensor:
        codes, state = bitsandbytes.functional.quantize_4bit(candidate, blocksize=_BLOCK, quant_type="nf4")
        error: Tensor = bitsandbytes.functional.dequantize_4bit(codes, state) - blocks
        return error.square().sum(dim=1, keepdim=True)

    limit = _CLIP * blocks.abs().amax(dim=1, keepdim=True)
    clipped = blocks.clamp(-limit, limit)
    return torch.where(squared_error(clipped) < squared_error(blocks), clipped, blocks).reshape(weight.shape)


class Q4Embedding(nn.Module):
    """A token table in the q4_0 blocks of `e5-small-q4.bin`, without loss and, on a CPU, mapped from the file."""

    packed: Tensor

    def __init__(self, packed: Tensor, width: int) -> None:
        """Wrap a packed table.

        Args:
            packed: [rows, width / 32 * 18] uint8.
            width: of a decoded row.
        """
        super().__init__()
        self.embedding_dim = width
        self.register_buffer("packed", packed, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Decode rows: ids [...] become [..., width] float32."""
        blocks = self.packed[ids.reshape(-1)].reshape(-1, 18)
        scales = blocks[:, :2].contiguous().view(torch.float16).float()
        nibbles = blocks[:, 2:]
        weights = torch.cat([nibbles & 15, nibbles >> 4], dim=1).float() - 8
        return (weights * scales).reshape(*ids.shape, self.embedding_dim)

    def fp32_bytes(self) -> int:
        """Return the bytes of the same table in 32 bits."""
        return 4 * len(self.packed) * self.embedding_dim


class Nf4Embedding(nn.Module):
    """A token table in NF4 with double quantisation, of which a batch decodes only its own rows."""

    packed: Tensor
    scales: Tensor
    scale_codes: Tensor
    scale_scales: Tensor
    scale_offset: Tensor

    def __init__(self, weight: Tensor, block: int) -> None:
        """Quantise a table, some rows at a time.

        Args:
            weight: [rows, width], any floating type.
            block: weights that share a scale: 32 or 64, a divisor of the width.
        """
        super().__init__()
        rows, self.embedding_dim = weight.shape
        self._block = block
        packed, scales = [], []
        for start in range(0, rows, _ROWS_AT_ONCE):
            part = weight[start : start + _ROWS_AT_ONCE].float()
            codes, state = bitsandbytes.functional.quantize_4bit(part, blocksize=block, quant_type="nf4")
            packed.append(codes.reshape(len(part), -1))
            scales.append(state.absmax)
        scale = torch.cat(scales)
        offset = scale.mean()
        codes, nested = bitsandbytes.functional.quantize_blockwise(scale - offset, blocksize=_SCALES_PER_BLOCK)
        self.register_buffer("packed", torch.cat(packed), persistent=False)
        self.register_buffer("scales", codes.reshape(rows, -1), persistent=False)
        self.register_buffer("scale_codes", nested.code, persistent=False)
        self.register_buffer("scale_scales", nested.absmax, persistent=False)
        self.register_buffer("scale_offset", offset, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Decode rows: ids [...] become [..., width] float32."""
        flat = ids.reshape(-1)
        codes = self.scales[flat]
        blocks = codes.shape[1]
        position = flat[:, None] * blocks + torch.arange(blocks, device=flat.device)
        scale = self.scale_codes[codes.long()] * self.scale_scales[position // _SCALES_PER_BLOCK] + self.scale_offset
        state = bitsandbytes.functional.QuantState(
            absmax=scale.reshape(-1),
            shape=torch.Size((len(flat), self.embedding_dim)),
            blocksize=self._block,
            quant_type="nf4",
            dtype=torch.float32,
        )
        rows: Tensor = bitsandbytes.functional.dequantize_4bit(self.packed[flat].reshape(-1, 1), state)
        return rows.reshape(*ids.shape, self.embedding_dim)

    def fp32_bytes(self) -> int:
        """Return the bytes of the same table in 32 bits."""
        return 4 * len(self.packed) * self.embedding_dim


def quantise_table(table: nn.Module) -> nn.Module:
    """Return a 4-bit copy of an embedding table, or the table itself where its width allows no blocks."""
    if not isinstance(table, nn.Embedding):
        return table
    for block in (64, 32):
        if table.embedding_dim % block == 0:
            return Nf4Embedding(table.weight.detach(), block)
    return table


def footprint(model: nn.Module) -> Footprint:
    """Measure the weights of a model, quantised or not."""
    held = fp32 = 0
    for module in model.modules():
        state = getattr(module, "quant_state", None)
        if state is not None:
            nested = (state.state2.absmax, state.state2.code) if state.nested else ()
            held += sum(_bytes(part) for part in (module.weight, state.absmax, state.code, *nested))
            fp32 += 4 * state.shape.numel()
        elif isinstance(module, Q4Embedding | Nf4Embedding):
            held += sum(_bytes(part) for part in module.buffers(recurse=False))
            fp32 += module.fp32_bytes()
        for name, parameter in module.named_parameters(recurse=False):
            if state is None or name != "weight":
                held += _bytes(parameter)
                fp32 += 4 * parameter.numel()
    return Footprint(held, fp32)


def _bytes(tensor: Any) -> int:  # noqa: ANN401 - parameters of bitsandbytes have no types
    return int(tensor.numel() * tensor.element_size())
