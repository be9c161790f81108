"""Which separator a file has, what its columns are called, and its rows.

The separator is the one that a line `sep=;` names, as Excel writes and reads it; else the one with which the first line
names columns, if possible of usual names, and the rows have as many cells as these.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from mfpt_shared.errors import DatasetError
from mfpt_shared.separated.cells import QUOTE, cut
from mfpt_shared.separated.lines import Lines, lines_in
from mfpt_shared.separated.rows import Row, is_blank, read_rows

SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What may stand between cells, and how a person is told."""

_NAMED: Final = re.compile(r'\s*"?sep=(.)"?[;,\t| ]*', re.IGNORECASE)
_WRAPPED: Final = re.compile(r'"((?:[^"]++|"")*+)"[,;\t ]*')
# Lines in which titles may stand above the names of the columns.
_TITLES: Final = 8
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
    first, named = _beginning(lines, where)
    order = sorted(SEPARATORS, key=lambda one: one != expected)
    at = _line_of_names(lines, first, order, usual)
    header = _chosen(lines, at, [named, *order] if named else order, usual, sure=named)
    if header is None:
        raise DatasetError(f"{where}, line {at + 1}: a quotation mark in the names of the columns is not closed")
    inner = _unwrapped(lines, at) if len(header.columns) == 1 else None
    if inner is not None:
        found = read_separated(inner, where, expected, usual)
        return replace(found, notes=("quotation marks around whole lines left out", *found.notes))
    rows = read_rows(lines, header.first, header.separator, len(header.columns))
    notes = [] if at == first else [f"columns are named in line {at + 1}; what is above is left out"]
    if len(header.columns) == 1:
        notes.append("one column: nothing that separates cells was found")
    elif header.separator != expected:
        notes.append(f"cells between {SEPARATORS.get(header.separator, repr(header.separator))}")
    if rows.are_letters:
        notes.append("quotation marks read as part of the texts")
    return Separated(header.separator, at + 1, header.columns, rows.rows, tuple(notes))


def _chosen(
    lines: Lines, at: int, separators: Sequence[str], usual: Collection[str], *, sure: str | None
) -> _Header | None:
    """Return the names of the columns as the separator gives them that fits best; None where none can be cut.

    Args:
        lines: The lines of the file.
        at: The line that names the columns, counted from 0.
        separators: What may stand between cells, the likeliest first.
        usual: Usual names of columns, in lower case.
        sure: The separator that the file itself names, which counts wherever it gives several columns.
    """
    headers = [header for header in (_header(lines, at, one) for one in separators) if header is not None]
    several = [header for header in headers if len(header.columns) > 1]
    certain = [header for header in several if header.separator == sure]
    if certain or len(several) < 2:
        return next(iter([*certain, *several, *headers]), None)
    return max(several, key=lambda one: _fit(lines, one, usual))


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


def _line_of_names(lines: Lines, first: int, separators: Sequence[str], usual: Collection[str]) -> int:
    """Return the line that names the columns: the first, unless only one soon after holds several usual names."""
    for number in range(first, min(first + _TITLES, len(lines))):
        names = max((_usual_names(lines[number], one, usual) for one in separators), default=0)
        if names > 1 or (names and number == first):
            return number
    return first


def _usual_names(line: str, separator: str, usual: Collection[str]) -> int:
    return sum(cell.strip(f"{QUOTE} ").casefold() in usual for cell in line.split(separator))


def _unwrapped(lines: Lines, at: int) -> str | None:
    """Return what is in the quotation marks around whole lines; None where they are not around the names of columns.

    Spreadsheets write a table like this after they have taken it for one column.
    """
    match = _WRAPPED.fullmatch(lines[at])
    if match is None or not any(separator in match[1] for separator in SEPARATORS):
        return None
    return "\n".join(_without_marks(lines[number]) for number in range(len(lines)))


def _without_marks(line: str) -> str:
    match = _WRAPPED.fullmatch(line)
    return line if match is None else match[1].replace(QUOTE * 2, QUOTE)


def _header(lines: Lines, at: int, separator: str) -> _Header | None:
    """Return the names of the columns; None where a quotation mark among them is not closed."""
    got = cut(lines, at, separator)
    if got.ending == "open":
        return None
    last = lines.ending_at(got.end) if got.ending == "whole" else at
    cells = got.cells if got.ending == "whole" else lines[at].replace(QUOTE, "").split(separator)
    columns = [cell.strip() for cell in cells]
    # Spreadsheets add columns without a name at the end; what stands in one belongs to no column.
    while len(columns) > 1 and not columns[-1]:
        columns.pop()
    return _Header(separator, tuple(columns), last + 1)


def _fit(lines: Lines, header: _Header, usual: Collection[str]) -> tuple[bool, float]:
    """How well a separator fits; names that are usual say more than the number of cells."""
    named = any(column.casefold() in usual for column in header.columns)
    sample = read_rows(lines.up_to(header.first + _SAMPLE), header.first, header.separator, len(header.columns))
    return named, sample.fit
