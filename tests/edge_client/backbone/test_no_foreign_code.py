"""Code that comes with a model is never run, and nobody is asked whether it may be."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.backbone.transformers_files import PretrainedTokenizer
from mfpt_shared.errors import Incompatible
from support.backbones import save_tiny_model, tiny_spec


def booby_trapped(folder: Path, *, model_type: str) -> Path:
    """Save a model whose configuration names code of its own; return the file that the code would write."""
    save_tiny_model("Llama", folder)
    trace = folder / "ran"
    code = f"open({str(trace)!r}, 'w').close()\nclass Evil:\n    pass\n"
    for name in ("configuration_evil.py", "modeling_evil.py", "tokenization_evil.py"):
        (folder / name).write_text(code, encoding="utf-8")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = {"AutoConfig": "configuration_evil.Evil", "AutoModel": "modeling_evil.Evil"}
    config |= {"auto_map": names, "model_type": model_type}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings |= {"auto_map": {"AutoTokenizer": ["tokenization_evil.Evil", None]}, "tokenizer_class": "EvilTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return trace


@pytest.mark.parametrize("quantisation", ["nf4", "none"])
def test_a_model_that_brings_code_is_incompatible_and_its_code_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quantisation: str
) -> None:
    trace = booby_trapped(tmp_path, model_type="evil")
    typed = io.StringIO("y\n" * 9)
    monkeypatch.setattr("sys.stdin", typed)
    with pytest.raises(Incompatible):
        load_backbone(tiny_spec(tmp_path, quantisation), "cpu", tmp_path / "cache")
    assert not trace.exists()
    assert typed.tell() == 0


def test_a_tokenizer_that_brings_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = booby_trapped(tmp_path, model_type="llama")
    typed = io.StringIO("y\n" * 9)
    monkeypatch.setattr("sys.stdin", typed)
    with contextlib.suppress(Incompatible):
        PretrainedTokenizer(tmp_path)
    assert not trace.exists()
    assert typed.tell() == 0


def test_attention_that_is_code_of_the_hub_is_refused(tmp_path: Path) -> None:
    save_tiny_model("Llama", tmp_path)
    file = tmp_path / "config.json"
    config = json.loads(file.read_text(encoding="utf-8")) | {"attn_implementation": "evil/kernel"}
    file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(Incompatible, match="code of the hub"):
        load_backbone(tiny_spec(tmp_path), "cpu")
