"""What is kept only to be faster can be seen, and removed, and nothing else with it."""

import json
import os
from pathlib import Path

from mfpt_edge.storage.cache import Kept, clear, make_room, sizes, surplus
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


def kept(name: str, size: int, used: float) -> Kept:
    return Kept(Path(name), size, used)


def test_what_was_not_used_for_longest_goes_first_and_no_more_than_need_be() -> None:
    files = [kept("new", 50, 3.0), kept("old", 50, 1.0), kept("middle", 50, 2.0)]
    assert surplus(files, 150) == []
    assert surplus(files, 149) == [Path("old")]
    assert surplus(files, 50) == [Path("old"), Path("middle")]
    assert surplus(files, 0) == [Path("old"), Path("middle"), Path("new")]


def test_files_in_use_stay_and_where_they_leave_no_room_nothing_is_removed(tmp_path: Path) -> None:
    for number, name in enumerate(("old", "new"), start=1):
        (tmp_path / name).write_bytes(b"x" * 50)
        os.utime(tmp_path / name, (number, number))
    assert not make_room(tmp_path, 60, 100, in_use={tmp_path / "old"})
    assert {path.name for path in tmp_path.iterdir()} == {"old", "new"}
    assert make_room(tmp_path, 50, 100, in_use={tmp_path / "old"})
    assert {path.name for path in tmp_path.iterdir()} == {"old"}


def test_there_is_room_in_a_cache_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert make_room(tmp_path / "missing", 10, 10, in_use=())
    assert not make_room(tmp_path / "missing", 11, 10, in_use=())
