"""Weights in 4 bits: decoded without loss, close to their originals, and with the gradients of the decoded ones."""

import numpy as np
import pytest
import torch
from bitsandbytes import functional

from mfpt_edge.backbone.fourbit import BlockEmbedding, Embedding4bit, Linear4bit, Packed, quantise
from mfpt_edge.bundled.place import find_file
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.q4_0 import BLOCK_BYTES, dequantise, from_blocks


def test_the_bundled_token_table_is_decoded_without_loss() -> None:
    blocks = E5File(find_file()).blocks("embeddings.word_embeddings.weight").reshape(-1, 216)
    ids = torch.tensor([[0, 41], [250_036, 7]])
    expected = dequantise(blocks[ids.numpy()].reshape(-1, BLOCK_BYTES)).reshape(2, 2, 384)
    np.testing.assert_array_equal(BlockEmbedding(torch.from_numpy(blocks), 384)(ids).numpy(), expected)


def test_q4_0_blocks_keep_their_values_when_codes_and_scales_lie_apart() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (6, BLOCK_BYTES), dtype=np.uint8)
    blocks[:, :2] = np.array([[0.5], [0.25], [1.0], [2.0], [-0.5], [0.125]], "<f2").view(np.uint8)
    codes, scales = from_blocks(blocks, 3)
    packed = Packed(torch.from_numpy(codes), torch.from_numpy(scales), "q4_0")
    np.testing.assert_array_equal(packed.decode(torch.float32).numpy(), dequantise(blocks).reshape(3, 64))


def test_nf4_is_that_of_bitsandbytes() -> None:
    weight = torch.randn(32, 128, generator=torch.Generator().manual_seed(0))
    packed = quantise(weight)
    assert packed is not None
    codes, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    # Ours keeps the scales in half precision.
    torch.testing.assert_close(
        packed.decode(torch.float32), functional.dequantize_4bit(codes, state), rtol=1e-3, atol=0
    )


def test_a_width_that_allows_no_blocks_stays_as_it_is() -> None:
    assert quantise(torch.randn(8, 48)) is None


def test_a_4_bit_table_stays_close_to_its_original_and_takes_a_seventh() -> None:
    weight = torch.randn(20_000, 128, generator=torch.Generator().manual_seed(0))  # more rows than one chunk
    packed = quantise(weight)
    assert packed is not None
    table = Embedding4bit(packed)
    ids = torch.tensor([0, 16_383, 16_384, 19_999])
    assert torch.nn.functional.cosine_similarity(table(ids), weight[ids], dim=-1).min() > 0.99
    assert sum(part.numel() * part.element_size() for part in table.buffers()) < 4 * weight.numel() / 7


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_through_a_4_bit_layer_are_those_of_the_decoded_one(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    packed = quantise(torch.randn(96, 64, generator=generator))
    assert packed is not None
    bias = torch.randn(96, generator=generator)
    entry = torch.randn(4, 64, generator=generator).to(dtype).requires_grad_()
    output = Linear4bit(packed, bias, dtype)(entry)
    torch.autograd.backward(output.sum())
    same = entry.detach().clone().requires_grad_()
    expected = torch.nn.functional.linear(same, packed.decode(dtype), bias.to(dtype))
    torch.autograd.backward(expected.sum())
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(entry.grad, same.grad)
