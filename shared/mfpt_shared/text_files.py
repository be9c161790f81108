"""Files that people call text: packed or not, in UTF-8 or UTF-16, damaged in places, or no text at all.

What is damaged stays where it is, so that a reader can skip the rows that hold it and keep the others: a byte that is
not UTF-8 becomes half of a surrogate pair (PEP 383), which no readable text contains.
"""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from mfpt_shared.errors import DatasetError

MAX_UNPACKED: Final = 2 << 30
"""Bytes that a packed file may hold."""

NOT_UTF8: Final = "bytes that are not UTF-8"
NUL: Final = "a NUL character"
_AS_UTF8: Final = "save it as UTF-8 (in Excel: Save As, CSV UTF-8; in LibreOffice: Edit filter settings)"

# More lines than this are hardly all damaged: then the whole file is of another encoding.
_FEW: Final = 10
_ZEROS: Final = re.compile(rb"\0{2,}")
_END_OF_FILE: Final = b"\x1a"  # as DOS writes it
_HALF_OF_A_PAIR: Final = re.compile("[\ud800-\udfff]")
_WIDE: Final[Mapping[bytes, str]] = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

_SHEET: Final = "a spreadsheet; open it and save the sheet as CSV in UTF-8"
_PACKED: Final = "packed in a way that is not read here; unpack it first, or pack it with gzip"
_OTHER_KINDS: Final = (
    (re.compile(rb"PK\x03\x04"), f"a ZIP archive or {_SHEET}"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), _SHEET),
    (re.compile(rb"PAR1[\s\S]*PAR1\Z"), "a Parquet file; let its name end in .parquet"),
    (re.compile(rb"%PDF-"), "a PDF; save its table as CSV in UTF-8"),
    (re.compile(rb"\{\\rtf"), "a text document; save it as plain text in UTF-8"),
    (re.compile(rb"\xfd7zXZ|BZh[1-9]1AY|\x28\xb5\x2f\xfd|7z\xbc\xaf"), _PACKED),
    (re.compile(rb"version https://git-lfs"), "only a pointer to the data (Git LFS); run git lfs pull beside it"),
    (re.compile(rb"\s*<(!doctype|html)", re.IGNORECASE), "a web page; download the file that it offers"),
)

_LATIN: Final = frozenset("éèàçêôîûïëùüöäßñáíóúãõâøåæœÉÈÀÇÊÔÎÛÜÖÄÑÁÍÓÚÃÕÂ’‘“”…–«»°\xa0")
_CYRILLIC: Final = frozenset("оаеинтсрвлкмдпуяыьгзбчйхж")
_ARABIC: Final = frozenset("اليمنورتبعدهةأسفقكح")
_ENCODINGS: Final = (
    ("cp1252", "Windows-1252 (Western Europe)", _LATIN),
    ("mac_roman", "Mac OS Roman", _LATIN),
    ("cp850", "code page 850 (DOS)", _LATIN),
    ("cp1251", "Windows-1251 (Cyrillic)", _CYRILLIC),
    ("cp1256", "Windows-1256 (Arabic)", _ARABIC),
)


class Text(NamedTuple):
    """What a file holds.

    Attributes:
        content: Its text, without byte order mark; see `unreadable`.
        notes: What was guessed, for a person to read.
    """

    content: str
    notes: tuple[str, ...] = ()


def read_text_file(path: Path) -> Text:
    """Read a file of text, unpacked where gzip has packed it.

    Raises:
        DatasetError: It is empty, no text, of an encoding other than UTF-8 and UTF-16, or cannot be unpacked.
        OSError: It cannot be opened.
    """
    return decoded(unpacked(path.read_bytes(), str(path)), str(path))


def decoded(data: bytes, where: str) -> Text:
    """Return bytes as text.

    Args:
        data: Content of a file.
        where: The file, as messages name it.

    Raises:
        DatasetError: It is empty, no text, or of an encoding other than UTF-8 and UTF-16.
    """
    check_kind(data, where)
    codec = _WIDE.get(data[:2])
    if codec is not None and not data.startswith(codecs.BOM_UTF32_LE):
        text = Text(_wide(data, codec), ("read as UTF-16",))
    else:
        text = _narrow(data, where)
    content = text.content.lstrip("\ufeff")
    if not content.strip():
        raise DatasetError(f"{where} is empty")
    return text._replace(content=content)


def check_kind(data: bytes, where: str) -> None:
    """Refuse the content of a file that is no text, such as a spreadsheet.

    Raises:
        DatasetError: It is none; the message says what it is, and what to do.
    """
    for pattern, what in _OTHER_KINDS:
        if pattern.match(data):
            raise DatasetError(f"{where} is {what}")


def unreadable(text: str) -> str | None:
    """Return why a piece of a file cannot be used as text, or None if it can."""
    if "\0" in text:
        return NUL
    return NOT_UTF8 if not text.isascii() and _HALF_OF_A_PAIR.search(text) else None


def likely_encoding(data: bytes) -> str | None:
    """Return the encoding in which most bytes beyond ASCII are letters, if there is one.

    Letters of the Latin alphabet stand alone between ASCII, others beside one another.
    """
    alone = b"".join(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", data))
    beside = b"".join(re.findall(rb"[\x80-\xff]{2,}", data))
    shares: dict[str, float] = {}
    for codec, name, letters in _ENCODINGS:
        seen = (alone if letters is _LATIN else beside).decode(codec, "replace")
        shares[name] = sum(letter in letters for letter in seen) / max(1, len(alone) + len(beside))
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.5 else None


def unpacked(data: bytes, where: str) -> bytes:
    """Return the content of a file, unpacked where gzip has packed it.

    Raises:
        DatasetError: It is cut off, damaged, or larger than `MAX_UNPACKED`.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(MAX_UNPACKED + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise DatasetError(f"{where} is cut off or damaged and cannot be unpacked: copy it again") from error
    if len(content) > MAX_UNPACKED:
        raise DatasetError(f"{where} holds more than {MAX_UNPACKED >> 30} GiB: give a part of it")
    return content


def _wide(data: bytes, codec: str) -> str:
    """Decode UTF-16; half a character at the end is damage like any other."""
    whole = len(data) // 2 * 2
    text = data[2:whole].decode(codec, "surrogatepass")
    return text if whole == len(data) else f"{text}\udcff"


def _narrow(data: bytes, where: str) -> Text:
    """Decode UTF-8.

    Raises:
        DatasetError: It is another encoding, rather than UTF-8 with some rows that are damaged.
    """
    # What a disk had not written when the power went is a run of zeros; it damages one row.
    data = _ZEROS.sub(b"\0", data).rstrip(_END_OF_FILE)
    if data.count(0) > len(data) // 8:
        raise DatasetError(f"{where} is no text, or UTF-16 without its mark: {_AS_UTF8}")
    text = data.decode("utf-8", "surrogateescape")
    if text.isascii() or not _HALF_OF_A_PAIR.search(text):
        return Text(text)
    lines = [line for line in re.split("[\r\n]+", text) if line.strip("\ufeff \t")]
    name = likely_encoding(data)
    bad = [_HALF_OF_A_PAIR.search(line) is not None for line in lines]
    if bad[0] or (sum(bad) > _FEW and 2 * sum(bad) > len(bad)):
        raise DatasetError(f"{where} is not UTF-8{f' but probably {name}' if name else ''}: {_AS_UTF8}")
    hint = f"; if the file is {name}, {_AS_UTF8}" if name else ""
    return Text(text, (f"some bytes are not UTF-8{hint}",))
