"""The frozen backbone: small in memory, close to its 32-bit original, and refused when it is not the plan's."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModel

from mfpt_edge.backbone.fourbit import Embedding4bit
from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.backbone.padding import pad
from mfpt_edge.backbone.parts import Backbone
from mfpt_shared import plan
from mfpt_shared.backbones.describe import describe
from mfpt_shared.errors import Incompatible, UsageError
from support.backbones import tiny_spec
from support.models import module_of

SENTENCES = (
    "query: Habari ya asubuhi, karibu nyumbani.",
    "query: Timu ya taifa ilishinda mechi ya fainali jana usiku.",
    "query: Ẹ káàárọ̀, ṣé dáadáa ni ẹ jí?",
    "query: Unogwaja wancokola noma",
)


def last_hidden(backbone: Backbone, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return backbone.encoder.encode(backbone.encoder.tokens(ids), mask).float()


def pooled(backbone: Backbone) -> torch.Tensor:
    """Return unit vectors [sentences, width], pooled as E5 was trained."""
    ids, mask = pad(backbone.tokenizer.encode(SENTENCES, 64), backbone.tokenizer.pad_id, backbone.device)
    hidden = last_hidden(backbone, ids, mask)
    return torch.nn.functional.normalize((hidden * mask[..., None]).sum(1), dim=-1)


def test_the_bundled_backbone_takes_less_than_100_mb(backbone: Backbone) -> None:
    assert backbone.weight_bytes < 100e6
    assert backbone.weight_bytes_fp32 == 4 * 117_505_152  # 250,037 tokens and 512 positions, 12 layers, 384 wide


def test_four_bits_stay_close_to_32(backbone: Backbone) -> None:
    original = load_backbone(plan.BackboneSpec(quantisation="none"), "cpu")
    assert original.weight_bytes == original.weight_bytes_fp32 == backbone.weight_bytes_fp32
    cosines = (pooled(backbone) * pooled(original)).sum(dim=1)
    assert cosines.min() > 0.999, "these are the bits as published: only the products are rounded"


def test_nothing_in_the_backbone_is_trainable(backbone: Backbone) -> None:
    assert not any(parameter.requires_grad for parameter in module_of(backbone).parameters())
    assert not module_of(backbone).training


def test_other_weights_than_the_plans_are_refused_and_both_are_named() -> None:
    asked = "sha256:" + "0" * 64
    with pytest.raises(Incompatible, match="this device will not train") as refusal:
        load_backbone(plan.BackboneSpec(fingerprint=asked), "cpu")
    assert asked in str(refusal.value)
    assert describe("bundled:multilingual-e5-small").fingerprint in str(refusal.value)


@pytest.mark.parametrize("change", [{"width": 768}, {"layers": 24}])
def test_another_width_or_depth_than_the_plans_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(Incompatible, match=next(iter(change))):
        load_backbone(msgspec.structs.replace(plan.BackboneSpec(), **change), "cpu")


@pytest.mark.parametrize("device", ["gpu", "tpu:0", "cuda:99"])
def test_a_device_that_is_not_there_is_a_usage_error(device: str) -> None:
    with pytest.raises(UsageError, match="write auto"):
        load_backbone(plan.BackboneSpec(), device)


@pytest.mark.parametrize("model_type", ["t5", "nothing-known"])
def test_a_model_that_cannot_carry_a_prompt_is_refused(model_type: str, tmp_path: Path) -> None:
    config = {"model_type": model_type, "hidden_size": 64, "num_hidden_layers": 4, "is_encoder_decoder": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"weight": np.zeros(1, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(Incompatible, match=str(tmp_path)):
        load_backbone(plan.BackboneSpec(uri=f"path:{tmp_path}", width=64, layers=4), "cpu")


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
def test_a_model_folder_loads_in_32_and_in_4_bits(family: str, tiny_backbone: Callable[..., Backbone]) -> None:
    original, small = tiny_backbone(family, "none"), tiny_backbone(family, "nf4")
    assert small.fingerprint == original.fingerprint
    assert small.weight_bytes < 0.5 * small.weight_bytes_fp32
    assert any(isinstance(module, Embedding4bit) for module in module_of(small).modules())
    assert original.tokenizer.encode(["good food"], 8) == [[0, 4, 13, 2]]
    ids, mask = pad([[0, 4, 13, 2]], 1, original.device)
    first, second = (last_hidden(one, ids, mask)[mask] for one in (original, small))
    assert torch.nn.functional.cosine_similarity(first, second, dim=-1).mean() > 0.9


def test_room_for_tokens_is_what_the_position_table_holds(tiny_backbone: Callable[..., Backbone]) -> None:
    assert tiny_backbone("Bert").max_positions == 66
    assert tiny_backbone("XLMRoberta").max_positions == 64  # positions start behind the padding id, 1


def test_a_folder_without_a_tokenizer_is_refused(tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_folder("Bert") / name).read_bytes())
    spec = plan.BackboneSpec(uri=f"path:{tmp_path}", width=64, layers=4, quantisation="none")
    with pytest.raises(Incompatible, match="no tokenizer"):
        load_backbone(spec, "cpu")


def test_weights_that_are_not_all_there_are_refused(tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    for file in tiny_folder("Bert").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.2.output.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    spec = plan.BackboneSpec(uri=f"path:{tmp_path}", width=64, layers=4, quantisation="none")
    with pytest.raises(Incompatible, match=r"lack 'encoder\.layer\.2\.output\.dense\.weight'"):
        load_backbone(spec, "cpu")


def test_loading_prints_nothing(tiny_backbone: Callable[..., Backbone], capfd: pytest.CaptureFixture[str]) -> None:
    tiny_backbone("Bert", "nf4")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
def test_a_backbone_computes_what_transformers_computes(
    family: str, tiny_backbone: Callable[..., Backbone], tiny_folder: Callable[[str], Path]
) -> None:
    backbone = tiny_backbone(family, "none")
    original = AutoModel.from_pretrained(tiny_folder(family)).eval()
    ids, mask = pad([[0, 4, 13, 2], [0, 5, 6, 7, 8, 9, 10, 11, 12, 2]], 1, backbone.device)
    with torch.no_grad():
        expected = original(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    torch.testing.assert_close(last_hidden(backbone, ids, mask)[mask], expected[mask], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
def test_layers_run_one_by_one_are_the_whole_and_unread_tokens_are_left_out(
    family: str, tiny_backbone: Callable[..., Backbone]
) -> None:
    backbone = tiny_backbone(family, "none")
    stack = backbone.stack
    assert stack is not None
    ids, mask = pad([[0, 4, 13, 2], [0, 5, 6, 7, 8, 9, 10, 11, 12, 2]], 1, backbone.device)
    with torch.no_grad():
        hidden = stack.embed(backbone.encoder.tokens(ids))
        hidden = stack.run(stack.run(hidden, mask, 0, 1), mask, 1, unread=3)
    torch.testing.assert_close(hidden, last_hidden(backbone, ids, mask)[:, 3:])


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
def test_the_second_start_maps_what_the_first_converted(
    family: str, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    spec = tiny_spec(tiny_folder(family), "nf4")
    first = load_backbone(spec, "cpu", tmp_path)
    (file,) = (tmp_path / "backbones").iterdir()
    written = file.stat().st_mtime_ns
    second = load_backbone(spec, "cpu", tmp_path)
    assert file.stat().st_mtime_ns == written
    assert second.weight_bytes == first.weight_bytes
    ids, mask = pad([[0, 4, 13, 2]], 1, first.device)
    torch.testing.assert_close(last_hidden(first, ids, mask), last_hidden(second, ids, mask), rtol=0, atol=0)


def test_a_cache_that_cannot_be_written_to_is_no_obstacle(
    tiny_folder: Callable[[str], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "backbones").write_text("in the way")
    backbone = load_backbone(tiny_spec(tiny_folder("Bert"), "nf4"), "cpu", tmp_path)
    assert backbone.weight_bytes < 0.5 * backbone.weight_bytes_fp32
    assert "cannot be kept" in caplog.text
