"""Backbone addresses and what a server without torch learns about a backbone."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mfpt_shared.backbones.describe import BackboneFacts, BackboneUri, describe, is_e5, parse_uri
from mfpt_shared.errors import Incompatible, NotInstalled, UsageError
from mfpt_shared.plan import BackboneSpec

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_model(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"weight": np.arange(6, dtype=np.float32)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("bundled:multilingual-e5-small", BackboneUri("bundled", "multilingual-e5-small")),
        ("path:/models/my model", BackboneUri("path", "/models/my model")),
        ("path:C:/models", BackboneUri("path", "C:/models")),
        ("hf:org/name", BackboneUri("hf", "org/name")),
        ("hf:org/name@v1.0", BackboneUri("hf", "org/name", "v1.0")),
    ],
)
def test_addresses_are_taken_apart(uri: str, parts: BackboneUri) -> None:
    assert parse_uri(uri) == parts


@pytest.mark.parametrize("uri", ["", "xlm-roberta-base", "s3:bucket", "path:", "hf:", "hf:@main", "bundled:other"])
def test_an_address_that_makes_no_sense_is_answered_with_the_three_forms(uri: str) -> None:
    with pytest.raises(UsageError, match=r"bundled:.*hf:.*path:"):
        parse_uri(uri)


def test_the_bundled_backbone_fits_the_plan_defaults() -> None:
    facts = describe("bundled:multilingual-e5-small")
    defaults = BackboneSpec()
    assert (facts.width, facts.layers) == (defaults.width, defaults.layers)
    assert facts.fingerprint.startswith("sha256:1571fc98")


def test_a_folder_is_described_from_its_config_and_weights(tmp_path: Path) -> None:
    folder = write_model(tmp_path, hidden_size=48, num_hidden_layers=3)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert describe(f"path:{folder}") == BackboneFacts(48, 3, f"sha256:{digest}")


@pytest.mark.parametrize(
    "config", [{"n_embd": 48, "n_layer": 3}, {"d_model": 48, "num_layers": 3}, {"dim": 48, "n_layers": 3}]
)
def test_older_names_for_width_and_depth_are_understood(tmp_path: Path, config: dict[str, object]) -> None:
    facts = describe(f"path:{write_model(tmp_path, **config)}")
    assert (facts.width, facts.layers) == (48, 3)


def test_the_fingerprint_covers_every_shard_in_name_order_and_nothing_else(tmp_path: Path) -> None:
    write_model(tmp_path, hidden_size=48, num_hidden_layers=3)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "b.safetensors").write_bytes(b"second")
    (tmp_path / "a.safetensors").write_bytes(b"first ")
    (tmp_path / "README.md").write_text("not a weight")
    assert describe(f"path:{tmp_path}").fingerprint == f"sha256:{hashlib.sha256(b'first second').hexdigest()}"


def test_pytorch_files_count_where_there_are_no_safetensors(tmp_path: Path) -> None:
    write_model(tmp_path, hidden_size=48, num_hidden_layers=3)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"weights")
    assert describe(f"path:{tmp_path}").fingerprint == f"sha256:{hashlib.sha256(b'weights').hexdigest()}"


def test_a_folder_without_weights_config_or_sizes_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        describe(f"path:{tmp_path / 'nowhere'}")
    with pytest.raises(UsageError, match=r"no config\.json"):
        describe(f"path:{tmp_path}")
    write_model(tmp_path, model_type="vision")
    with pytest.raises(Incompatible, match="hidden_size"):
        describe(f"path:{tmp_path}")
    write_model(tmp_path, hidden_size=48, num_hidden_layers=3)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UsageError, match="no weights"):
        describe(f"path:{tmp_path}")


def test_without_the_hub_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(NotInstalled, match="pip install huggingface_hub"):
        describe("hf:org/name")


def describe_offline(uri: str, hub_home: Path) -> subprocess.CompletedProcess[str]:
    """Describe in a process of its own, because the hub package reads its environment when it is imported."""
    code = f"from mfpt_shared.backbones.describe import describe; print(*describe({uri!r}))"
    environment = os.environ | {
        "HF_HOME": str(hub_home),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    environment.pop("HF_HUB_CACHE", None)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


def test_a_hub_backbone_is_found_in_the_hub_cache(tmp_path: Path) -> None:
    cached = tmp_path / "hub" / "models--org--name"
    folder = write_model(cached / "snapshots" / COMMIT, hidden_size=48, num_hidden_layers=3)
    (cached / "refs").mkdir()
    (cached / "refs" / "v1").write_text(COMMIT)
    answer = describe_offline("hf:org/name@v1", tmp_path)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert answer.stdout.split() == ["48", "3", f"sha256:{digest}"], answer.stderr


def test_a_hub_backbone_that_cannot_be_fetched_is_a_usage_error(tmp_path: Path) -> None:
    answer = describe_offline("hf:org/name", tmp_path)
    assert answer.returncode != 0
    assert "UsageError: backbone hf:org/name cannot be fetched" in answer.stderr


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("bundled:multilingual-e5-small", True),
        ("hf:intfloat/multilingual-e5-base@0a5e5b", True),
        ("path:/models/E5", True),
        ("hf:org/bert@e5e5e5", False),
        ("gguf:/re5search/half.gguf", False),
        ("path:/e5/bert", False),
    ],
)
def test_the_e5_family_is_told_by_its_name(uri: str, expected: bool) -> None:
    assert is_e5(uri) is expected
