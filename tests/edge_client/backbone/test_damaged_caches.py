"""A damaged conversion of a backbone is noticed, and made again with the same answers."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.backbone.parts import Backbone
from support.backbones import tiny_spec


def states(backbone: Backbone) -> torch.Tensor:
    ids = torch.tensor([[0, 4, 5, 2]])
    with torch.no_grad():
        return backbone.encoder.encode(backbone.encoder.tokens(ids), torch.ones_like(ids, dtype=torch.bool)).float()


def renamed(content: bytes) -> bytes:
    return content.replace(b".codes", b".cedes", 1)


def shape_lost(content: bytes) -> bytes:
    return content.replace(b'"shape"', b'"shabe"', 1)


def type_changed(content: bytes) -> bytes:
    return content.replace(b'"F32"', b'"U32"', 1).replace(b'"F16"', b'"B16"', 1)


def emptied(content: bytes) -> bytes:
    return struct.pack("<Q", 2) + b"{}" + content[10:]


@pytest.mark.parametrize("family", ["Bert", "Llama"])
@pytest.mark.parametrize("damage", [renamed, shape_lost, type_changed, emptied])
def test_a_conversion_with_a_damaged_head_is_made_again(
    tiny_folder: Callable[[str], Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    family: str,
    damage: Callable[[bytes], bytes],
) -> None:
    spec = tiny_spec(tiny_folder(family), "nf4")
    expected = states(load_backbone(spec, "cpu", tmp_path))
    (file,) = tmp_path.rglob("*-nf4.safetensors")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert file.read_bytes() != whole
    caplog.clear()
    torch.testing.assert_close(states(load_backbone(spec, "cpu", tmp_path)), expected)
    assert [record.message for record in caplog.records if "is made again" in record.message] != []
    assert file.read_bytes() == whole
