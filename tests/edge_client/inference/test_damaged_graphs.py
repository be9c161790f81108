"""A damaged graph folder in the cache is made again; one that somebody exported is named."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NotImplementedByRuntime

from mfpt_edge.commands.runtimes import predictor
from mfpt_edge.data.example import Example
from mfpt_edge.inference import onnx_runtime
from mfpt_edge.inference.graph_folder import GRAPH, bundled_folder, read_about
from mfpt_edge.inference.graph_tokenizer import SENTENCEPIECE, load_tokenizer
from mfpt_edge.inference.onnx_runtime import OnnxPredictor, bundled_predictor
from mfpt_edge.storage.checksums import CHECKSUMS, damage
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared import plan, tensors
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.errors import Damaged, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from support.small_disk import small_disk

FINGERPRINT = f"sha256:{BUNDLED_SHA256}"
EXAMPLES = [Example("Bei ya mafuta imepanda")]
ABOUT = "about.json"


def model() -> Model:
    the_plan = plan.Plan(task=plan.Task(labels=("x", "y")), backbone=plan.BackboneSpec(fingerprint=FINGERPRINT))
    header = PromptHeader(language=LanguageCode("swh"), version=1, plan=the_plan.digest, backbone=FINGERPRINT)
    return Model(the_plan, Prompt(header, tensors.halve(tensors.initial_state(the_plan))))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (ABOUT, b'{"backbone": 7}'),
        (ABOUT, b'{"backbone":"sha256:other","layer":9,"positions":512,"pad_id":1,"format":1}'),
    ],
)
def test_a_damaged_graph_folder_in_the_cache_is_made_again(
    cache: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes
) -> None:
    folder = bundled_folder(model().plan, cache)
    (folder / name).write_bytes(content)
    found = bundled_predictor(model(), cache).probabilities(EXAMPLES)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-3)
    (line,) = [record.message for record in caplog.records]
    assert line == f"{folder} was damaged, and is made again"


def flip(file: Path, share: float) -> None:
    """Change one bit, so far into a file."""
    with file.open("r+b") as stream:
        stream.seek(int(share * (file.stat().st_size - 1)))
        byte = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte[0] ^ 1]))


def make_a_folder_of(file: Path) -> None:
    file.unlink()
    file.mkdir()


def make_a_file_of(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: flip(folder / GRAPH, 0.5), id="a weight"),
        *(
            pytest.param(spoil, id=name, marks=pytest.mark.slow)
            for name, spoil in {
                "nothing says what it is": lambda folder: (folder / ABOUT).unlink(),
                "the first byte": lambda folder: flip(folder / GRAPH, 0),
                "the last byte": lambda folder: flip(folder / GRAPH, 1),
                "a piece": lambda folder: flip(folder / SENTENCEPIECE, 0.5),
                "a checksum": lambda folder: flip(folder / CHECKSUMS, 0.5),
                "no checksums": lambda folder: (folder / CHECKSUMS).unlink(),
                "cut short": lambda folder: os.truncate(folder / GRAPH, 1_000_000),
                "empty": lambda folder: os.truncate(folder / GRAPH, 0),
                "no graph": lambda folder: (folder / GRAPH).unlink(),
                "a folder for a graph": lambda folder: make_a_folder_of(folder / GRAPH),
                "a folder for what it is": lambda folder: make_a_folder_of(folder / ABOUT),
                "a file for a folder": make_a_file_of,
            }.items()
        ),
    ],
)
def test_whatever_is_damaged_in_the_cache_is_made_again_once(
    cache: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], object]
) -> None:
    folder = bundled_folder(model().plan, cache)
    spoil(folder)
    bundled_predictor(model(), cache)
    assert damage(folder) is None
    assert len(caplog.records) <= 1
    caplog.clear()
    bundled_predictor(model(), cache)
    assert caplog.records == []


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_to_costs_time_and_nothing_else(
    cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "graphs").touch()
    found = bundled_predictor(model(), tmp_path).probabilities(EXAMPLES)
    np.testing.assert_array_equal(found, bundled_predictor(model(), cache).probabilities(EXAMPLES))
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("the backbone is made in memory, as the one in the cache cannot be used: ")
    assert str(tmp_path / "graphs") in line


@pytest.mark.slow
def test_a_cache_on_a_full_disk_costs_time_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with small_disk(tmp_path / "disk") as disk:
        found = bundled_predictor(model(), disk.path).probabilities(EXAMPLES)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-3)
    (line,) = [record.message for record in caplog.records]
    assert "No space left on device" in line


@pytest.mark.slow
def test_torch_predicts_where_onnx_runtime_does_not_take_the_graph(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise NotImplementedByRuntime("no such operator here")

    monkeypatch.setattr(onnx_runtime, "InferenceSession", refusing)
    monkeypatch.setenv("MFPT_CACHE", str(cache))
    found = predictor(model(), "auto", None, "auto").probabilities(EXAMPLES)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-3)
    assert caplog.records[-1].message.startswith("torch predicts instead of ONNX Runtime: ")
    with pytest.raises(Damaged, match="no such operator here"):
        predictor(model(), "onnx", None, "auto")


@pytest.mark.parametrize(("name", "content"), [(ABOUT, b"[[["), (GRAPH, b"no graph"), (SENTENCEPIECE, b"no pieces")])
def test_a_damaged_folder_that_somebody_exported_is_named(
    cache: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    exported = tmp_path / "phone"
    exported.mkdir()
    for file in bundled_folder(model().plan, cache).iterdir():
        (exported / file.name).symlink_to(file)
    (exported / name).unlink()
    (exported / name).write_bytes(content)
    with pytest.raises(Damaged, match=str(exported)):
        OnnxPredictor(model(), exported)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_any_content_of_a_folder_ends_in_a_declared_error(tmp_path: Path, content: bytes) -> None:
    for name in (ABOUT, SENTENCEPIECE):
        (tmp_path / name).write_bytes(content)
    with pytest.raises((Damaged, UsageError)):
        read_about(tmp_path)
    if content:
        with pytest.raises(Damaged):
            load_tokenizer(tmp_path)
