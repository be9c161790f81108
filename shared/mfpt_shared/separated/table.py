"""Which separator a file has, what its columns are called, and its rows.

The separator is the one that a line `sep=;` names, as Excel writes and reads it; else the one with which the first line
names columns, if possible of usual names, and the rows have as many cells as these.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mfpt_shared.errors import DatasetError
from mfpt_shared.separated.cells import QUOTE, cut
from mfpt_shared.separated.lines import Lines, lines_in
from mfpt_shared.separated.rows import Row, is_blank, read_rows

SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What may stand between cells, and how a person is told."""

_NAMED: Final = re.compile(r'\s*"?sep=(.)"?[;,\t| ]*', re.IGNORECASE)
# Lines from which it can be told how well rows fit the columns.
_SAMPLE: Final = 400


@dataclass(frozen=True, slots=True)
class Separated:
    """A table of text.

    Attributes:
        separator: What stands between cells.
        header: The line that names the columns, counted from 1.
        columns: What they are called.
        rows: All rows, also those that cannot be used.
        notes: What was guessed, for a person to read.
    """

    separator: str
    header: int
    columns: tuple[str, ...]
    rows: Sequence[Row]
    notes: tuple[str, ...]


class _Header(NamedTuple):
    separator: str
    columns: tuple[str, ...]
    first: int  # the line after it, counted from 0


def read_separated(text: str, where: str, expected: str = ",", usual: Collection[str] = ()) -> Separated:
    """Read a table of text.

    Args:
        text: The content of a file.
        where: The file, as messages name it.
        expected: The separator that the name of the file says, which is taken where others fit no better.
        usual: Usual names of columns, in lower case.

    Raises:
        DatasetError: The text is blank, or a quotation mark is not closed in the names of its columns.
    """
    lines = lines_in(text)
    at, named = _beginning(lines, where)
    order = [named] if named else sorted(SEPARATORS, key=lambda one: one != expected)
    headers = [header for header in (_header(lines, at, one) for one in order) if header is not None]
    if not headers:
        raise DatasetError(f"{where}, line {at + 1}: a quotation mark in the names of the columns is not closed")
    several = [header for header in headers if len(header.columns) > 1]
    chosen = max(several, key=lambda one: _fit(lines, one, usual)) if len(several) > 1 else (several or headers)[0]
    found = read_rows(lines, chosen.first, chosen.separator, len(chosen.columns))
    notes = []
    if chosen.separator != expected and several:
        notes.append(f"cells between {SEPARATORS.get(chosen.separator, repr(chosen.separator))}")
    if found.are_letters:
        notes.append("quotation marks read as part of the texts")
    return Separated(chosen.separator, at + 1, chosen.columns, found.rows, tuple(notes))


def _beginning(lines: Lines, where: str) -> tuple[int, str | None]:
    """Return the line that names the columns, counted from 0, and the separator that a line before it names."""
    named = None
    for number in range(len(lines)):
        line = lines[number]
        if is_blank(line):
            continue
        match = _NAMED.fullmatch(line) if named is None else None
        if match is None:
            return number, named
        named = match[1]
    raise DatasetError(f"{where} is empty")


def _header(lines: Lines, at: int, separator: str) -> _Header | None:
    """Return the names of the columns; None where a quotation mark among them is not closed."""
    got = cut(lines, at, separator)
    if got.ending == "open":
        return None
    last = lines.ending_at(got.end) if got.ending == "whole" else at
    cells = got.cells if got.ending == "whole" else lines[at].replace(QUOTE, "").split(separator)
    return _Header(separator, tuple(cell.strip() for cell in cells), last + 1)


def _fit(lines: Lines, header: _Header, usual: Collection[str]) -> tuple[bool, float]:
    """How well a separator fits; names that are usual say more than the number of cells."""
    named = any(column.casefold() in usual for column in header.columns)
    sample = read_rows(lines.up_to(header.first + _SAMPLE), header.first, header.separator, len(header.columns))
    return named, sample.fit
