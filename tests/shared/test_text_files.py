"""Files of text: encodings, packed files, files that are no text, and what is damaged in one that is."""

import codecs
import gzip
from pathlib import Path

import pytest

from mfpt_shared.errors import DatasetError
from mfpt_shared.text_files import NOT_UTF8, NUL, decoded, likely_encoding, read_text_file, unreadable

TEXT = "text\tlabel\nƁarawo ẹ́gbé\tsiasa\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        gzip.compress(TEXT.encode("utf-8-sig")),
    ],
    ids=["UTF-8", "with a mark", "UTF-16, little", "UTF-16, big", "packed"],
)
def test_the_same_text_comes_back(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(data)

    assert read_text_file(file).content == TEXT


def test_utf16_is_said() -> None:
    assert decoded(TEXT.encode("utf-16"), "data.csv").notes == ("read as UTF-16",)


def test_a_damaged_byte_stays_in_its_line() -> None:
    lines = decoded(b"text\ngood\nb\xffd\n\xc3\xa9\n", "data.csv").content.split("\n")

    assert [unreadable(line) for line in lines] == [None, None, NOT_UTF8, None, None]


def test_zeros_that_a_power_cut_left_behind_damage_one_line() -> None:
    lines = decoded(b"text\ngood\ncut o" + bytes(4096), "data.csv").content.split("\n")

    assert [unreadable(line) for line in lines] == [None, None, NUL]


def test_a_mark_of_dos_at_the_end_is_no_text() -> None:
    assert decoded(b"text\ngood\n\x1a", "data.csv").content == "text\ngood\n"


def test_half_a_character_at_the_end_of_utf16_is_damage_in_the_last_line() -> None:
    lines = decoded("text\ngood\nlast".encode("utf-16") + b"a", "data.csv").content.split("\n")

    assert [unreadable(line) for line in lines] == [None, None, NOT_UTF8]


def test_a_nul_is_named() -> None:
    assert unreadable("a\0b") == NUL


@pytest.mark.parametrize(
    ("codec", "name", "line"),
    [
        ("cp1252", "Windows-1252", "l'été à l'école: ça s'est passé très tôt"),
        ("mac_roman", "Mac OS Roman", "l'été à l'école: ça s'est passé très tôt"),
        ("cp850", "code page 850", "l'été à l'école: ça s'est passé très tôt"),
        ("cp1251", "Windows-1251", "сегодня хорошая погода"),
        ("cp1256", "Windows-1256", "الطقس جميل اليوم في المدينة"),
    ],
)
def test_another_encoding_is_named_with_what_to_do(codec: str, name: str, line: str) -> None:
    data = b"text,label\n" + f"{line},siasa\n".encode(codec) * 30

    with pytest.raises(DatasetError, match=f"data.csv is not UTF-8 but probably {name}.*: save it as UTF-8"):
        decoded(data, "data.csv")


def test_a_few_bytes_that_are_not_utf8_are_said_with_the_encoding_that_they_may_be_of() -> None:
    (note,) = decoded("text,label\ngood,siasa\nl'été,siasa\n".encode("cp1252"), "data.csv").notes

    assert note.startswith("some bytes are not UTF-8; if the file is Windows-1252 (Western Europe), save it as UTF-8")


def test_noise_has_no_likely_encoding() -> None:
    assert likely_encoding(bytes(range(128, 256)) * 3) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"PK\x03\x04" + bytes(30), "is a ZIP archive or a spreadsheet; open it and save the sheet as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0" + bytes(30), "is a spreadsheet; open it"),
        (b"PAR1....PAR1", "is a Parquet file; let its name end in .parquet"),
        (b"\n<!DOCTYPE html>\n", "is a web page; download the file that it offers"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is only a pointer to the data"),
        (b"BZh91AY&SY", "unpack it first"),
        ("text,label\n".encode("utf-16-le"), "UTF-16 without its mark"),
        (gzip.compress(TEXT.encode())[:-9], "is cut off or damaged and cannot be unpacked"),
        (b"\x1f\x8bnonsense", "is cut off or damaged and cannot be unpacked"),
    ],
)
def test_what_is_no_text_is_named_with_what_to_do(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(content)

    with pytest.raises(DatasetError) as caught:
        read_text_file(file)

    assert message in str(caught.value)
    assert "data.csv" in str(caught.value)
