"""Lower activations on disk: the same as without, computed once, and never half a file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.backbone.tensorfile import TensorFile
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import concatenate, gather
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.model import PromptModel
from support.activations import (
    EXAMPLES,
    TEXTS,
    assert_same,
    encode_cached,
    files,
    gradients,
    layers_that_ran,
    make_model,
)
from support.models import module_of, randomise

LoadTiny = Callable[..., Backbone]


# ---- the same with and without


def test_examples_come_out_of_the_cache_as_they_do_without_it(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone("Bert", "nf4"))
    plain = encode(model, EXAMPLES)
    assert_same(encode_cached(model, EXAMPLES, tmp_path), plain)
    assert_same(encode_cached(model, EXAMPLES, tmp_path), plain)


def test_gradients_are_the_same_with_and_without_the_cache(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    randomise(model)
    encode_cached(model, EXAMPLES, tmp_path)
    from_file = gradients(model, encode_cached(model, EXAMPLES, tmp_path))
    assert from_file.abs().sum() > 0
    assert torch.equal(from_file, gradients(model, encode(model, EXAMPLES)))


def test_the_bundled_backbone_gives_the_same_with_and_without_the_cache(backbone: Backbone, tmp_path: Path) -> None:
    model = make_model(backbone)
    written, plain = encode_cached(model, EXAMPLES, tmp_path), encode(model, EXAMPLES)
    assert_same(written, plain)
    assert_same(encode_cached(model, EXAMPLES, tmp_path), plain)


def test_examples_from_several_files_can_be_mixed(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    first, second = (encode_cached(model, part, tmp_path) for part in (EXAMPLES[:3], EXAMPLES[3:]))
    mixed = concatenate([second.take([2, 0]), first.take([1])])
    assert mixed.targets.tolist() == [1, 1, 1]
    alone = gather(encode_cached(model, EXAMPLES, tmp_path), [5, 3, 1])
    together = gather(mixed, [0, 1, 2])
    assert torch.equal(together.ids, alone.ids)
    assert together.hidden is not None
    assert alone.hidden is not None
    torch.testing.assert_close(together.hidden, alone.hidden, rtol=1e-2, atol=1e-2)


def test_labels_are_not_taken_from_the_cache(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    encode_cached(model, EXAMPLES, tmp_path)
    others = [Example(example.text, 1 - example.label) for example in EXAMPLES]
    assert encode_cached(model, others, tmp_path).targets.tolist() == [1, 0, 1, 0, 1, 0]
    assert len(files(tmp_path)) == 1


# ---- computed once


def test_the_second_time_no_layer_runs(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    backbone = tiny_backbone()
    model, another = make_model(backbone), make_model(backbone)
    with layers_that_ran(backbone) as first:
        encode_cached(model, EXAMPLES, tmp_path)
    with layers_that_ran(backbone) as second:
        encode_cached(another, EXAMPLES, tmp_path)
    assert first
    assert second == []


def test_what_the_layers_below_the_prompt_do_not_depend_on_shares_a_file(
    tiny_backbone: LoadTiny, tmp_path: Path
) -> None:
    model = make_model(tiny_backbone())
    encode_cached(model, EXAMPLES, tmp_path)
    randomise(model)
    encode_cached(model, EXAMPLES, tmp_path)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "other",
    [{"layer": 1}, {"prefix": "passage: "}, {"max_tokens": 8}, {"quantisation": "nf4"}],
    ids=["layer", "prefix", "longest text", "weights"],
)
def test_another_model_gives_another_file(tiny_backbone: LoadTiny, tmp_path: Path, other: dict[str, Any]) -> None:
    def model(quantisation: str = "none", **options: Any) -> PromptModel:
        return make_model(tiny_backbone("Bert", quantisation), quantisation=quantisation, **options)

    encode_cached(model(), EXAMPLES, tmp_path)
    changed = model(**other)
    assert_same(encode_cached(changed, EXAMPLES, tmp_path), encode(changed, EXAMPLES))
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    "other",
    [
        (*EXAMPLES[:-1], Example("fine", 1)),
        EXAMPLES[:-1],
        (*EXAMPLES[1:], EXAMPLES[0]),
        (Example("the food was", 0), Example("good bad and poor", 1), *EXAMPLES[2:]),
    ],
    ids=["another text", "one less", "another order", "other borders"],
)
def test_other_texts_give_another_file(tiny_backbone: LoadTiny, tmp_path: Path, other: Sequence[Example]) -> None:
    model = make_model(tiny_backbone())
    encode_cached(model, EXAMPLES, tmp_path)
    assert_same(encode_cached(model, other, tmp_path), encode(model, other))
    assert len(files(tmp_path)) == 2


def test_two_backbones_never_share_a_file(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    for family in ("Bert", "XLMRoberta"):
        model = make_model(tiny_backbone(family))
        assert_same(encode_cached(model, EXAMPLES, tmp_path), encode(model, EXAMPLES))
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("method", ["prompt", "p-tuning"])
def test_methods_without_lower_layers_leave_no_file(tiny_backbone: LoadTiny, tmp_path: Path, method: str) -> None:
    model = make_model(tiny_backbone(), method=method)
    assert_same(encode_cached(model, EXAMPLES, tmp_path), encode(model, EXAMPLES))
    assert files(tmp_path) == []


def test_no_examples_leave_no_file(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    assert encode_cached(make_model(tiny_backbone()), (), tmp_path).ids == []
    assert files(tmp_path) == []


# ---- what a file holds and when it is there


def test_no_name_of_a_file_and_no_file_holds_a_text(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    encode_cached(make_model(tiny_backbone()), EXAMPLES, tmp_path)
    (file,) = files(tmp_path)
    assert TensorFile(file)["hidden"].dtype == torch.float16
    assert not any(text in file.name or text.encode() in file.read_bytes() for text in TEXTS)


def test_the_file_of_a_process_that_was_killed_while_writing_is_never_read(
    tiny_backbone: LoadTiny, tmp_path: Path
) -> None:
    backbone = tiny_backbone()
    model, examples = make_model(backbone), EXAMPLES * 8
    batches: list[object] = []

    def killed_in_the_second_batch(*_: object) -> None:
        batches.append(None)
        if len(batches) == 2:
            raise KeyboardInterrupt

    hook = module_of(backbone).get_submodule("layers.0").register_forward_hook(killed_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        encode_cached(model, examples, tmp_path)
    hook.remove()
    assert not list(tmp_path.iterdir())
    for _ in range(2):
        assert_same(encode_cached(model, examples, tmp_path), encode(model, examples))


def test_what_a_reader_does_to_its_activations_leaves_the_file_alone(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    encode_cached(model, EXAMPLES, tmp_path)
    spoilt = encode_cached(model, EXAMPLES, tmp_path).hidden
    assert spoilt is not None
    spoilt.zero_()
    assert_same(encode_cached(model, EXAMPLES, tmp_path), encode(model, EXAMPLES))


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: bytes(99),
        lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
    ],
)
def test_a_damaged_file_is_made_again(
    damage: Callable[[bytes], bytes], tiny_backbone: LoadTiny, tmp_path: Path
) -> None:
    model = make_model(tiny_backbone())
    encode_cached(model, EXAMPLES, tmp_path)
    (file,) = files(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert_same(encode_cached(model, EXAMPLES, tmp_path), encode(model, EXAMPLES))
    assert file.read_bytes() == whole


def test_a_pair_is_not_taken_for_a_text_of_two_lines(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    backbone = tiny_backbone()
    alone, pairs = make_model(backbone), make_model(backbone, kind="pairs")
    encode_cached(alone, [Example("a\nb c")], tmp_path)
    found = encode_cached(pairs, [Example("a", pair="b c")], tmp_path)
    assert_same(found, encode(pairs, [Example("a", pair="b c")]))


def test_states_beyond_half_precision_are_not_kept(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    lower = model.prompt.lower
    model.prompt.lower = lambda ids, mask: 1e6 * lower(ids, mask)  # type: ignore[method-assign]  # states too large for half precision
    assert encode(model, EXAMPLES).hidden is None
    assert encode_cached(model, EXAMPLES, tmp_path).hidden is None
    assert not files(tmp_path)
