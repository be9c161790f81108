"""What is kept only to be faster can be seen, and removed, and nothing else with it."""

import json
from pathlib import Path

from mfpt_edge.caches import clear, sizes
from support.programs import run


def fill(cache: Path) -> None:
    (cache / "graphs" / "one").mkdir(parents=True)
    (cache / "graphs" / "one" / "graph.onnx").write_bytes(b"x" * 2_000_000)
    (cache / "activations").mkdir()
    (cache / "activations" / "a.npy").write_bytes(b"x" * 500_000)
    (cache / "somebody.txt").write_text("else")


def test_sizes_are_counted_by_kind(tmp_path: Path) -> None:
    assert sizes(tmp_path) == {"activations": 0, "backbones": 0, "graphs": 0}
    fill(tmp_path)
    assert sizes(tmp_path) == {"activations": 500_000, "backbones": 0, "graphs": 2_000_000}


def test_clearing_removes_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path)
    assert clear(tmp_path)["graphs"] == 2_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["somebody.txt"]
    assert clear(tmp_path) == {"activations": 0, "backbones": 0, "graphs": 0}


def test_the_command_says_what_it_freed(tmp_path: Path) -> None:
    shown = json.loads(run(tmp_path, "mfpt_edge", "cache", "show", "--json").stdout)
    fill(Path(shown["folder"]))
    freed = json.loads(run(tmp_path, "mfpt_edge", "cache", "clear", "--json").stdout)
    assert freed == {"folder": shown["folder"], "activations": 0.5, "backbones": 0.0, "graphs": 2.0}
    assert json.loads(run(tmp_path, "mfpt_edge", "cache", "show", "--json").stdout) == shown
