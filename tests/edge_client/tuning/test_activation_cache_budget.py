"""A device's budget for lower activations on disk: what is kept, what makes room, and what happens without any."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.model import PromptModel
from support.activations import (
    EXAMPLES,
    assert_same,
    encode_cached,
    encode_splits,
    files,
    gradients,
    layers_that_ran,
    make_model,
)
from support.models import randomise

LoadTiny = Callable[..., Backbone]


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
    randomise(model)
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
    randomise(model)
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
