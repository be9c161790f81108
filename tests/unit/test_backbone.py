"""The frozen backbone: small in memory, close to its 32-bit original, and refused when it is not the plan's."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from mfpt_edge.backbone import Backbone, load_backbone
from mfpt_edge.e5file import BLOCK_BYTES, E5File, dequantise, find_file
from mfpt_edge.fourbit import Nf4Embedding, Q4Embedding, linear4bit
from mfpt_edge.prompt import pad
from mfpt_shared import plan
from mfpt_shared.backbones import describe
from mfpt_shared.errors import Incompatible, UsageError

SENTENCES = (
    "query: Habari ya asubuhi, karibu nyumbani.",
    "query: Timu ya taifa ilishinda mechi ya fainali jana usiku.",
    "query: Ẹ káàárọ̀, ṣé dáadáa ni ẹ jí?",
    "query: Unogwaja wancokola noma",
)


def pooled(backbone: Backbone) -> torch.Tensor:
    """Return unit vectors [sentences, width], pooled as E5 was trained."""
    ids, mask = pad(backbone.tokenizer.encode(SENTENCES, 64), backbone.tokenizer.pad_id, backbone.device)
    with torch.no_grad():
        hidden = backbone.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    return torch.nn.functional.normalize((hidden * mask[..., None]).sum(1), dim=-1)


def test_the_bundled_backbone_takes_less_than_100_mb(backbone: Backbone) -> None:
    assert backbone.weight_bytes < 100e6
    assert backbone.weight_bytes_fp32 == 4 * 117_505_920  # 250,037 tokens and 512 positions, 12 layers, 384 wide


def test_four_bits_stay_close_to_32(backbone: Backbone) -> None:
    original = load_backbone(plan.Backbone(quantisation="none"), "cpu")
    assert original.weight_bytes == original.weight_bytes_fp32 == backbone.weight_bytes_fp32
    cosines = (pooled(backbone) * pooled(original)).sum(dim=1)
    assert cosines.mean() > 0.98
    assert cosines.min() > 0.97


def test_nothing_in_the_backbone_is_trainable(backbone: Backbone) -> None:
    assert not any(parameter.requires_grad for parameter in backbone.encoder.parameters())
    assert not backbone.encoder.training


def test_other_weights_than_the_plans_are_refused_and_both_are_named() -> None:
    asked = "sha256:" + "0" * 64
    with pytest.raises(Incompatible, match="this device will not train") as refusal:
        load_backbone(plan.Backbone(fingerprint=asked), "cpu")
    assert asked in str(refusal.value)
    assert describe("bundled:multilingual-e5-small").fingerprint in str(refusal.value)


@pytest.mark.parametrize("change", [{"width": 768}, {"layers": 24}])
def test_another_width_or_depth_than_the_plans_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(Incompatible, match=next(iter(change))):
        load_backbone(msgspec.structs.replace(plan.Backbone(), **change), "cpu")


@pytest.mark.parametrize("device", ["gpu", "tpu:0", "cuda:99"])
def test_a_device_that_is_not_there_is_a_usage_error(device: str) -> None:
    with pytest.raises(UsageError, match="write auto"):
        load_backbone(plan.Backbone(), device)


@pytest.mark.parametrize("model_type", ["t5", "nothing-known"])
def test_a_model_that_cannot_carry_a_prompt_is_refused(model_type: str, tmp_path: Path) -> None:
    config = {"model_type": model_type, "hidden_size": 64, "num_hidden_layers": 4, "is_encoder_decoder": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"weight": np.zeros(1, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(Incompatible, match=str(tmp_path)):
        load_backbone(plan.Backbone(uri=f"path:{tmp_path}", width=64, layers=4), "cpu")


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
def test_a_model_folder_loads_in_32_and_in_4_bits(family: str, tiny_backbone: Callable[..., Backbone]) -> None:
    original, small = tiny_backbone(family, "none"), tiny_backbone(family, "nf4")
    assert small.fingerprint == original.fingerprint
    assert small.weight_bytes < 0.5 * small.weight_bytes_fp32
    assert isinstance(small.encoder.get_input_embeddings(), Nf4Embedding)
    assert original.tokenizer.encode(["good food"], 8) == [[0, 4, 13, 2]]
    ids, mask = pad([[0, 4, 13, 2]], 1, original.device)
    with torch.no_grad():
        first, second = (
            one.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state[mask] for one in (original, small)
        )
    assert torch.nn.functional.cosine_similarity(first, second, dim=-1).mean() > 0.9


def test_room_for_tokens_is_what_the_position_table_holds(tiny_backbone: Callable[..., Backbone]) -> None:
    assert tiny_backbone("Bert").max_positions == 66
    assert tiny_backbone("XLMRoberta").max_positions == 64  # positions start behind the padding id, 1


def test_a_folder_without_a_tokenizer_is_refused(tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_folder("Bert") / name).read_bytes())
    spec = plan.Backbone(uri=f"path:{tmp_path}", width=64, layers=4, quantisation="none")
    with pytest.raises(Incompatible, match="no tokenizer"):
        load_backbone(spec, "cpu")


def test_weights_that_are_not_all_there_are_refused(tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    for file in tiny_folder("Bert").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.2.output.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    spec = plan.Backbone(uri=f"path:{tmp_path}", width=64, layers=4, quantisation="none")
    with pytest.raises(Incompatible, match=r"lack 'encoder\.layer\.2\.output\.dense\.weight'"):
        load_backbone(spec, "cpu")


def test_loading_prints_nothing(tiny_backbone: Callable[..., Backbone], capfd: pytest.CaptureFixture[str]) -> None:
    tiny_backbone("Bert", "nf4")
    assert capfd.readouterr() == ("", "")


def test_the_bundled_token_table_is_decoded_without_loss() -> None:
    file = E5File(find_file())
    packed = file.packed_rows("emb.word", 384)
    ids = torch.tensor([[0, 41], [250_036, 7]])
    expected = dequantise(packed[ids.numpy()].reshape(-1, BLOCK_BYTES)).reshape(2, 2, 384)
    np.testing.assert_array_equal(Q4Embedding(torch.from_numpy(packed), 384)(ids).numpy(), expected)


def test_an_nf4_table_stays_close_to_its_original_and_takes_a_seventh() -> None:
    weight = torch.randn(20_000, 128, generator=torch.Generator().manual_seed(0))  # more rows than one chunk
    table = Nf4Embedding(weight, 64)
    ids = torch.tensor([0, 16_383, 16_384, 19_999])
    assert torch.nn.functional.cosine_similarity(table(ids), weight[ids], dim=-1).min() > 0.99
    assert sum(part.numel() * part.element_size() for part in table.buffers()) < table.fp32_bytes() / 7


def test_a_four_bit_layer_still_passes_gradients_after_it_was_evaluated() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = linear4bit(torch.randn(256, 256, generator=generator), torch.zeros(256), torch.device("cpu")).eval()
    entry = torch.randn(4, 256, generator=generator)
    with torch.no_grad():
        evaluated = layer(entry)
    entry.requires_grad_()
    trained = layer(entry)
    trained.sum().backward()
    assert entry.grad is not None
    assert entry.grad.abs().sum() > 0
    torch.testing.assert_close(trained.detach(), evaluated)
