"""Files and folders that are replaced whole or not at all."""

import errno
import os
import re
from pathlib import Path

import pytest

from mfpt_shared.atomic import atomic_file, atomic_folder, remove_unfinished, write_durably


def fill(folder: Path, text: str) -> None:
    with atomic_folder(folder) as made:
        (made / "inside").mkdir()
        (made / "inside" / "file").write_text(text)


def test_a_write_replaces_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    write_durably(path, b"a longer content")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_file_that_could_not_be_finished_keeps_its_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_durably(path, b"old")
    with pytest.raises(OSError, match="disk full"), atomic_file(path) as made:
        made.write_bytes(b"ne")
        raise OSError("disk full")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path], "nothing is left behind"


def test_a_file_has_its_old_content_until_the_new_one_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_durably(path, b"old")
    with atomic_file(path) as made:
        made.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    fill(folder, "old")
    (folder / "left over").touch()
    fill(folder, "new")
    assert (folder / "inside" / "file").read_text() == "new"
    assert [path.name for path in folder.iterdir()] == ["inside"]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_that_could_not_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    fill(folder, "old")
    with pytest.raises(OSError, match="disk full"), atomic_folder(folder) as made:
        (made / "inside").mkdir()
        raise OSError("disk full")
    assert (folder / "inside" / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_who_reads_a_folder_that_is_replaced_finishes_reading(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    fill(folder, "old")
    with (folder / "inside" / "file").open() as reader:
        fill(folder, "new")
        assert reader.read() == "old"


def test_only_what_is_unfinished_is_removed(tmp_path: Path) -> None:
    write_durably(tmp_path / "file.json", b"kept")
    (tmp_path / "half.part").write_bytes(b"ha")
    (tmp_path / "folder.part" / "made").mkdir(parents=True)
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


def test_an_error_names_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with pytest.raises(OSError, match=re.escape(f"No space left on device: {str(path)!r}")), atomic_file(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
