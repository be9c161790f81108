"""What `predict` and `evaluate` are given to read."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        (
            "Habari\n\ncafé né à Paris\n".encode("cp1252"),
            "line 3 has bytes that are not UTF-8",
        ),
        (b"Habari\xff\n", "line 1 has bytes that are not UTF-8; save it as UTF-8"),
        (b"Habari\r\x00\r", "line 2 has a NUL character"),
        ("a\nb\ud800\n".encode("utf-16", "surrogatepass"), "line 2 has bytes that are not UTF-8"),
    ],
    ids=["Windows-1252", "damaged", "NUL", "half of a pair"],
)
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes(content)
    with pytest.raises(BadData, match=rf"texts\.txt, {said}"):
        given_texts([], file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04sheet", "is a ZIP archive or a spreadsheet"),
        (b"%PDF-1.7 Habari", "is a PDF"),
        (gzip.compress(b"Habari\n")[:-4], "is cut off or damaged"),
    ],
    ids=["workbook", "PDF", "cut off"],
)
def test_a_file_that_is_no_text_is_refused_as_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes(content)
    with pytest.raises(BadData, match=rf"texts\.txt {said}"):
        given_texts([], file)


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt.gz"
    file.write_bytes(gzip.compress(b"Habari\nAsante\n"))
    assert given_texts([], file) == ["Habari", "Asante"]


def test_utf_16_is_read_where_its_mark_says_so(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes("Bei ya mafuta\r\n\r\nẹ̀kọ́\r\n".encode("utf-16"))
    assert given_texts([], file) == ["Bei ya mafuta", "", "ẹ̀kọ́"]


@given(st.binary(max_size=60))
def test_whatever_bytes_are_given_there_are_lines_or_bad_data(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.txt"
        file.write_bytes(content)
        try:
            lines = given_lines([], file)
        except BadData:
            return
    ends = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert len(lines) == ends.count(b"\n") + (not ends.endswith(b"\n") and ends not in (b"", b"\xef\xbb\xbf"))


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
