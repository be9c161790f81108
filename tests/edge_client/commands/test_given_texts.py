"""What `predict` and `evaluate` are given to read."""

from pathlib import Path

import pytest

from mfpt_edge.commands.given_texts import given_lines, given_texts
from mfpt_shared.errors import BadData


def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("Habari ya asubuhi\n\nAsante\n", encoding="utf-8-sig")
    assert given_texts([], file) == ["Habari ya asubuhi", "Asante"]


@pytest.mark.parametrize(("name", "warned"), [("texts.txt", False), ("texts.tsv", False), ("table.csv", True)])
def test_a_table_is_read_as_plain_text_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, warned: bool
) -> None:
    file = tmp_path / name
    file.write_text("text,label\nHabari,greeting\n", encoding="utf-8")
    assert given_lines([], file) == ["text,label", "Habari,greeting"]
    assert ("not as a table" in caplog.text) == warned


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.txt", "Amina B-PER\nanaishi O\n\nMombasa B-LOC\nsasa O\nAmina B-PER\nleo O\n"),
        ("words.conll", "Habari\n"),
    ],
)
def test_tagged_words_are_no_texts(tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadData, match=rf"{name} looks like tagged words .*: give one text a line$"):
        given_texts([], file)
