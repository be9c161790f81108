"""Readers of text files: CSV, TSV, and JSON Lines."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mfpt_edge.data.table import Record, Table
from mfpt_shared.errors import DatasetError


def read_json_lines(path: Path) -> Table:
    """Read one object a line; only line feeds end a line, since JSON strings may hold other separators."""
    records: list[Record] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        records.append(Record(number, value if isinstance(value, dict) else None))
        columns |= dict.fromkeys(records[-1].cells or ())
    if not columns:
        raise DatasetError(f"{path}: none of its {len(records)} lines is a JSON object with a text and a label")
    return Table(str(path), tuple(columns), records)


def read_csv(path: Path) -> Table:
    """Read fields between commas or, as spreadsheets write them in many countries, between semicolons."""
    text = read_text(path)
    first = text.partition("\n")[0]
    try:
        return _table(path, text, ";" if "," not in first and ";" in first else ",")
    except csv.Error as error:
        raise DatasetError(f"{error}; quote a field that holds quotes, and double them") from error


def read_tsv(path: Path) -> Table:
    """Read fields between tabs. Many such files quote nothing: then a text may well begin with a quotation mark."""
    text = read_text(path)
    try:
        return _table(path, text, "\t")
    except csv.Error:
        return _table(path, text, "\t", quoted=False)


def read_text(path: Path) -> str:
    """Read a file of UTF-8 text, without its byte order mark.

    Raises:
        DatasetError: It is empty, or not UTF-8.
        OSError: It cannot be opened.
    """
    try:
        text = path.read_bytes().decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    if not text.strip():
        raise DatasetError(f"{path} is empty")
    return text


def _table(path: Path, text: str, delimiter: str, *, quoted: bool = True) -> Table:
    """Parse the records that are not blank.

    Raises:
        csv.Error: A quotation mark is out of place; the message names file and line.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=quoted,
    )
    lines: list[tuple[int, list[str]]] = []
    start = 1
    with _unlimited_fields(text):
        try:
            for line in reader:
                if line:
                    lines.append((start, line))
                start = reader.line_num + 1
        except csv.Error as error:
            raise csv.Error(f"{path}, line {reader.line_num}: {error}") from error
    columns = tuple(name.strip() for name in lines[0][1])
    return Table(str(path), columns, [Record(number, _cells(columns, line)) for number, line in lines[1:]])


@contextmanager
def _unlimited_fields(text: str) -> Iterator[None]:
    """Let a field be as long as the text; the csv module keeps this limit, 128 KiB, for the whole process."""
    before = csv.field_size_limit(len(text) + 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _cells(header: Sequence[str], line: Sequence[str]) -> dict[str, object] | None:
    """Pair a line with the header; too few fields, or more that are not empty, would put texts under wrong columns."""
    if len(line) < len(header) or any(line[len(header) :]):
        return None
    return dict(zip(header, line, strict=False))
