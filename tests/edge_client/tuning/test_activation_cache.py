"""Lower activations on disk: the same as without, computed once, and never half a file."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from mfpt_edge.backbone.load import Backbone
from mfpt_edge.backbone.tensorfile import TensorFile
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.activation_cache import encode_cached, encode_splits
from mfpt_edge.tuning.batches import Encoded, concatenate, encode, gather
from mfpt_edge.tuning.loop import loss
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan

TEXTS = ("the food was good", "bad and poor", "a b c d", "the d", "great", "awful food and a bad d")
EXAMPLES = tuple(Example(text, row % 2) for row, text in enumerate(TEXTS))

LoadTiny = Callable[..., Backbone]


def make_model(
    backbone: Backbone, *, method: str = "late", layer: int = -1, prefix: str = "query: ", max_tokens: int = 32
) -> PromptModel:
    return PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=("praise", "complaint")),
            backbone=plan.BackboneSpec(uri="path:tiny", width=backbone.width, layers=backbone.layers, prefix=prefix),
            prompt=msgspec.structs.replace(plan.PromptSpec(tokens=4), method=method, layer=layer),
            training=plan.Training(max_tokens=max_tokens),
        ),
    )


def files(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.safetensors"))


def assert_same(first: Encoded, second: Encoded) -> None:
    assert first.hidden is not None
    assert second.hidden is not None
    assert torch.equal(first.hidden, second.hidden)
    assert torch.equal(first.labels, second.labels)
    assert (first.ids, first.starts, first.pad_id, first.device) == (
        second.ids,
        second.starts,
        second.pad_id,
        second.device,
    )


@contextlib.contextmanager
def layers_that_ran(backbone: Backbone) -> Iterator[list[str]]:
    """Note every call of a module of the encoder."""
    seen: list[str] = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: seen.append(name))
        for name, module in backbone.encoder.named_modules()
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def gradients(model: PromptModel, encoded: Encoded) -> torch.Tensor:
    model.zero_grad()
    loss(model, gather(encoded, range(len(encoded.ids)))).backward()
    return torch.cat([part.grad.flatten() for part in model.tensors().values() if part.grad is not None])


def random_state(model: PromptModel) -> None:
    rng = np.random.default_rng(1)
    model.load({name: rng.normal(0, 0.3, array.shape).astype(np.float32) for name, array in model.state().items()})


# ---- the same with and without


def test_examples_come_out_of_the_cache_as_they_do_without_it(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone("Bert", "nf4"))
    plain = encode(model, EXAMPLES)
    assert_same(encode_cached(model, EXAMPLES, tmp_path), plain)
    assert_same(encode_cached(model, EXAMPLES, tmp_path), plain)


def test_gradients_are_the_same_with_and_without_the_cache(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    random_state(model)
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
    assert mixed.labels.tolist() == [1, 1, 1]
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
    assert encode_cached(model, others, tmp_path).labels.tolist() == [1, 0, 1, 0, 1, 0]
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
    random_state(model)
    encode_cached(model, EXAMPLES, tmp_path)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "other",
    [{"layer": 1}, {"prefix": "passage: "}, {"max_tokens": 8}, {"quantisation": "nf4"}],
    ids=["layer", "prefix", "longest text", "weights"],
)
def test_another_model_gives_another_file(tiny_backbone: LoadTiny, tmp_path: Path, other: dict[str, object]) -> None:
    def model(quantisation: str = "none", **options: object) -> PromptModel:
        made = make_model(tiny_backbone("Bert", quantisation), **options)
        spec = msgspec.structs.replace(made.plan.backbone, quantisation=quantisation)
        made.plan = msgspec.structs.replace(made.plan, backbone=spec)
        return made

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

    hook = backbone.encoder.get_submodule("layers.0").register_forward_hook(killed_in_the_second_batch)
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


# ---- a device's budget


def size_of(model: PromptModel, examples: Sequence[Example], cache: Path) -> int:
    """Return the bytes of the file of some examples, found by writing it elsewhere."""
    encode_cached(model, examples, cache)
    (file,) = files(cache)
    return file.stat().st_size


SPLITS = (EXAMPLES[:3], EXAMPLES[3:5], ())


def test_a_device_that_starts_again_runs_no_layer(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    backbone = tiny_backbone()
    first = encode_splits(make_model(backbone), SPLITS, tmp_path, 10**6)
    with layers_that_ran(backbone) as seen:
        second = encode_splits(make_model(backbone), SPLITS, tmp_path, 10**6)
    assert seen == []
    for before, after in zip(first[:2], second[:2], strict=True):
        assert_same(before, after)


def test_a_device_learns_the_same_with_and_without_the_cache(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    random_state(model)
    for _ in range(2):
        train, *_ = encode_splits(model, SPLITS, tmp_path, 10**6)
        assert torch.equal(gradients(model, train), gradients(model, encode(model, SPLITS[0])))


def test_a_file_has_the_size_that_its_room_was_made_for(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    size = size_of(model, EXAMPLES, tmp_path / "measured")
    for budget, kept in ((size - 1, 0), (size, 1)):
        (found,) = encode_splits(model, [EXAMPLES], tmp_path / "cache", budget)
        assert (len(files(tmp_path / "cache")), found.hidden is not None) == (kept, bool(kept))


def test_without_a_budget_nothing_is_kept_and_the_answers_are_the_same(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    random_state(model)
    (found,) = encode_splits(model, [EXAMPLES], tmp_path, 0)
    assert found.hidden is None
    assert not list(tmp_path.iterdir())
    torch.testing.assert_close(gradients(model, found), gradients(model, encode(model, EXAMPLES)), rtol=0.01, atol=0.01)


def test_what_was_not_used_for_longest_makes_room(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    first, second, third = (tuple(Example(f"{word} food", 0) for _ in range(4)) for word in ("good", "bad", "awful"))
    size = size_of(model, first, tmp_path / "measured")
    cache = tmp_path / "cache"
    encode_cached(model, first, cache)
    (old,) = files(cache)
    encode_cached(model, second, cache)
    (newer,) = set(files(cache)) - {old}
    os.utime(old, (1, 1))
    os.utime(newer, (2, 2))
    encode_cached(model, first, cache, budget=2 * size)  # which is a use of it
    encode_cached(model, third, cache, budget=2 * size)
    assert old in files(cache)
    assert newer not in files(cache)
    assert len(files(cache)) == 2


def test_a_device_never_drops_its_training_examples_for_the_others(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    size = size_of(model, EXAMPLES[:4], tmp_path / "measured")
    for _ in range(2):
        train, validation = encode_splits(model, (EXAMPLES[:4], EXAMPLES[4:]), tmp_path / "cache", size + 10)
        assert train.hidden is not None
        assert validation.hidden is None


def test_a_cache_that_cannot_be_written_to_is_told_once_and_memory_does_instead(
    tiny_backbone: LoadTiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    model = make_model(tiny_backbone())
    found = encode_splits(model, SPLITS, tmp_path / "file" / "activations", 10**6)
    for encoded, examples in zip(found[:2], SPLITS[:2], strict=True):
        assert_same(encoded, encode(model, examples))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "memory" in caplog.text


def test_a_full_disk_is_noticed_before_a_layer_runs_and_memory_does_instead(
    tiny_backbone: LoadTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    model = make_model(tiny_backbone())
    with layers_that_ran(model.backbone) as seen:
        (found,) = encode_splits(model, [EXAMPLES], tmp_path, 10**6)
    assert seen.count("layers.0") == 1
    assert_same(found, encode(model, EXAMPLES))
    assert not list(tmp_path.iterdir())
    assert "No space left" in caplog.text


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: bytes(99)])
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
    alone, pairs = make_model(backbone), make_model(backbone)
    pairs.plan = msgspec.structs.replace(pairs.plan, task=msgspec.structs.replace(pairs.plan.task, kind="pairs"))
    encode_cached(alone, [Example("a\nb c")], tmp_path)
    found = encode_cached(pairs, [Example("a", pair="b c")], tmp_path)
    assert_same(found, encode(pairs, [Example("a", pair="b c")]))


def test_states_beyond_half_precision_are_not_kept(tiny_backbone: LoadTiny, tmp_path: Path) -> None:
    model = make_model(tiny_backbone())
    lower = model.prompt.lower
    model.prompt.lower = lambda ids, mask: 1e6 * lower(ids, mask)  # type: ignore[method-assign]
    assert encode(model, EXAMPLES).hidden is None
    assert encode_cached(model, EXAMPLES, tmp_path).hidden is None
    assert not files(tmp_path)
