"""A damaged graph folder in the cache is made again; one that somebody exported is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfpt_edge.data.example import Example
from mfpt_edge.inference.graph_folder import GRAPH, SENTENCEPIECE, bundled_folder, load_tokenizer, read_about
from mfpt_edge.inference.onnx_runtime import OnnxPredictor, bundled_predictor
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared import plan, tensors
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.errors import Damaged, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader

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
        (GRAPH, b"no graph"),
        (SENTENCEPIECE, b"no pieces"),
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
    assert line.startswith(f"{folder} is made again: ")


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


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_any_content_of_a_folder_ends_in_a_declared_error(tmp_path: Path, content: bytes) -> None:
    for name in (ABOUT, SENTENCEPIECE):
        (tmp_path / name).write_bytes(content)
    with pytest.raises((Damaged, UsageError)):
        read_about(tmp_path)
    if content:
        with pytest.raises(Damaged):
            load_tokenizer(tmp_path)
