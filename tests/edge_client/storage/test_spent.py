"""What is spent is kept in the state folder, and never becomes less."""

from pathlib import Path

import pytest

from mfpt_edge.storage.spent import Spent, read_spent, save_spent


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    save_spent(tmp_path / "device", Spent(7, 0.25))

    assert read_spent(tmp_path / "device") == Spent(7, 0.25)


def test_a_folder_in_which_nothing_was_saved_says_nothing(tmp_path: Path) -> None:
    assert read_spent(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"number":"7"', b"\xff"])
def test_a_damaged_file_says_nothing(tmp_path: Path, content: bytes) -> None:
    save_spent(tmp_path, Spent(7, 0.25))
    (tmp_path / "spent.json").write_bytes(content)

    assert read_spent(tmp_path) is None


def test_numbers_that_were_skipped_are_spent_as_well() -> None:
    assert Spent(2, 1.0).after(5, 0.5) == Spent(5, 2.5)


def test_a_number_that_is_counted_already_costs_nothing() -> None:
    assert Spent(5, 2.5).after(5, 0.5) == Spent(5, 2.5)
    assert Spent(5, 2.5).after(3, 0.5) == Spent(5, 2.5)
