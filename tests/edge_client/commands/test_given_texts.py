"""What `predict` and `evaluate` are given to read."""

from pathlib import Path

import pytest

from mfpt_edge.commands.given_texts import given_lines, given_texts
from mfpt_shared.errors import BadData


def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("Habari ya asubuhi\n\nAsante\n", encoding="utf-8-sig")
    assert given_texts([], file) == ["Habari ya asubuhi", "", "Asante"]


def test_a_byte_order_mark_in_the_middle_as_files_put_together_have_it_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes("\ufeffHabari\n\ufeffAsante\n".encode())
    assert given_texts([], file) == ["Habari", "Asante"]


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_only_the_ends_of_lines_of_files_end_a_text(tmp_path: Path, inside: str) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes(f"a{inside}b\r\nc\rd\n\u200b \ne".encode())
    assert given_texts([], file) == [f"a{inside}b", "c", "d", "", "e"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Habari\n\nna\xe7\xe3o\n", r"texts\.txt, line 3 is not UTF-8: byte 3 is 0xe7; save the file as UTF-8$"),
        ("Habari\n".encode("utf-16"), r"texts\.txt is UTF-16; save it as UTF-8"),
    ],
    ids=["Latin-1", "UTF-16"],
)
def test_what_is_not_utf_8_is_refused_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes(content)
    with pytest.raises(BadData, match=said):
        given_texts([], file)


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
