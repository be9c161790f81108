"""From lines to rows, each judged by itself: what is wrong with one never costs another.

A quotation mark that somebody forgot to close would take the rows after it into one cell, up to the next mark. So a
cell over several lines is believed only where these lines, read one by one, would not make rows as good as the others,
see `_swallows`. Else the row in which it opens is skipped, and so is the one with the mark that seemed to close it.

Where most quotation marks do not stand as RFC 4180 wants them, they are letters: see `read_rows`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, NamedTuple

from mfpt_shared.separated.cells import QUOTE, Cut, cut, cut_sloppily
from mfpt_shared.separated.lines import Lines
from mfpt_shared.text_files import unreadable

NOT_CLOSED: Final = "a quotation mark that is not closed in its row"
MISPLACED: Final = "a quotation mark within a text, neither doubled nor the last of its cell"
HALF: Final = "the end of a quotation that begins in an earlier row"
TOO_MANY: Final = "more cells than columns (a separator in a text without quotation marks?)"

# Rows from which it can be told that the values of a column come back.
_TELLING: Final = 4
# Lines that are hardly all rows by chance.
_SUSPECT: Final = 3


class Row(NamedTuple):
    """One row.

    Attributes:
        line: The line on which it begins, counted from 1.
        cells: Its cells, at least as many as there are columns; None where they cannot be told.
        fault: Why it cannot be used, in words that hold nothing of its text; None if it can.
    """

    line: int
    cells: list[str] | None
    fault: str | None = None


@dataclass(slots=True)
class Rows:
    """Rows, and how well they fit the columns.

    Attributes:
        rows: All of them, in their order.
        fitting: Number of rows with as many cells as there are columns.
        short: Number of rows with fewer, but more than one.
        quoted: Number of cells with quotation marks around them.
        lettered: Number of rows in which quotation marks are letters.
        begun: Number of rows between tabs in which a cell begins with a quotation mark that nothing closes.
    """

    rows: list[Row] = field(default_factory=list)
    fitting: int = 0
    short: int = 0
    quoted: int = 0
    lettered: int = 0
    begun: int = 0

    @property
    def are_letters(self) -> bool:
        """Whether quotation marks are letters: most are, or, as tables between tabs quote nothing as a rule, some."""
        return self.lettered > self.quoted or (self.begun > 0 and not self.quoted)

    @property
    def fit(self) -> float:
        """How well the rows fit the columns, from 0 to 1."""
        return (self.fitting + self.short / 2) / max(1, len(self.rows))


def read_rows(lines: Lines, first: int, separator: str, width: int) -> Rows:
    """Read the rows of a table; a file in which quotation marks are letters rather than signs is read as such.

    Args:
        lines: The lines of the file.
        first: The line after the names of the columns, counted from 0.
        separator: What stands between cells.
        width: Number of columns.
    """
    found = _Reader(lines, separator, width).read(first)
    if not found.are_letters:
        return found
    plain = _Reader(lines, separator, width, quoting=False).read(first)
    return replace(plain, lettered=found.lettered, begun=found.begun)


def is_blank(line: str, separator: str = "") -> bool:
    """Whether a line holds nothing, not even an empty cell."""
    return not line.strip("\ufeff \t\r\f\v\u00a0") and (not separator or separator not in line)


class _Reader:
    """Reads row by row."""

    def __init__(self, lines: Lines, separator: str, width: int, *, quoting: bool = True) -> None:
        self._lines = lines
        self._separator = separator
        self._width = width
        self._quoting = quoting
        self._readable = unreadable(lines.text) is None
        self._first = 0
        self._half = False  # whether a quotation has begun in a row that was skipped
        self._found = Rows()

    def read(self, first: int) -> Rows:
        """Read all rows from a line on."""
        self._first = number = first
        while number < len(self._lines):
            line = self._lines[number]
            if is_blank(line, self._separator):
                number += 1
            elif self._quoting and QUOTE in line:
                number = self._read_quoted(number, line) + 1
            else:
                for row in self._joined(line):
                    self._take(number, row)
                number += 1
        return self._found

    def _joined(self, line: str) -> list[list[str]]:
        """Return the row of a line, or the rows of one in which some end with a carriage return alone."""
        rows = [piece.split(self._separator) for piece in line.split("\r")]
        return rows if all(len(row) == self._width for row in rows) else [line.split(self._separator)]

    def _read_quoted(self, number: int, line: str) -> int:
        """Read the row that begins with a line in which quotation marks stand; return the last line of it."""
        got = cut(self._lines, number, self._separator)
        last = self._lines.ending_at(got.end) if got.ending == "whole" else number
        if last > number and (not self._fits(got.cells) or self._swallows(number, last, got.cells)):
            self._skip(number, NOT_CLOSED)
            self._half = True
            return number
        if got.ending == "whole":
            self._take_quoted(number, line, got)
            return last
        misplaced = got.ending == "misplaced" and got.end <= self._lines.ends[number]
        sloppy = cut_sloppily(line, self._separator) if misplaced else None
        if sloppy is not None and len(sloppy) == self._width:
            self._take(number, sloppy)
            return number
        plain = len(line.split(self._separator)) == self._width
        self._found.lettered += plain and misplaced
        self._found.begun += plain and self._separator == "\t"
        self._half = self._half or not (plain and misplaced)
        self._skip(number, MISPLACED if misplaced else NOT_CLOSED)
        return number

    def _take_quoted(self, number: int, line: str, got: Cut) -> None:
        if got.quoted:
            self._half = False
            self._found.quoted += got.quoted
        elif self._half and any(cell.count(QUOTE) % 2 and cell.rstrip().endswith(QUOTE) for cell in got.cells):
            self._half = False
            self._skip(number, HALF)
            return
        else:
            self._found.lettered += line.count(QUOTE) % 2 == 0
        self._take(number, got.cells)

    def _take(self, number: int, cells: list[str]) -> None:
        """Take in a row; cells that are missing at its end are empty, as some programs leave these out."""
        self._found.fitting += len(cells) == self._width
        self._found.short += 1 < len(cells) < self._width
        fault = None if self._readable else unreadable("".join(cells))
        if fault is None and any(map(str.strip, cells[self._width :])):
            fault = TOO_MANY
        self._found.rows.append(Row(number + 1, cells + [""] * (self._width - len(cells)), fault))

    def _skip(self, number: int, fault: str) -> None:
        self._found.rows.append(Row(number + 1, None, fault))

    def _fits(self, cells: list[str]) -> bool:
        """Whether a row over several lines has as many cells as a row may have, and more than a lone text."""
        return len(cells) >= min(2, self._width) and not any(cells[self._width :])

    def _swallows(self, first: int, last: int, cells: list[str]) -> bool:
        """Whether a cell over several lines has taken in rows, because its quotation mark was not closed.

        It then stands where columns hold few values, and its first line would make a row; or most of its lines hold in
        these columns values that other rows have, or, as one mark may take in nearly all rows, values
        that come back among at least three lines. Where no column is known to be such a one, each of at least three
        lines would make a row; a comma with a space after it may as well be of a sentence.
        """
        numbers = [number for number in range(first, last + 1) if not is_blank(self._lines[number], self._separator)]
        alone = [self._whole(number) or self._lines[number].split(self._separator) for number in numbers]
        if self._values:
            broken = any("\n" in cells[at] or "\r" in cells[at] for at in self._values if at < len(cells))
            if broken and len(alone[0]) == self._width:
                return True
            within = self._counted(numbers)
            others = {column: of - within[column] for column, of in self._values.items()}
            again = {column: of - Counter(of.keys()) for column, of in self._values.items()}
            rows = [row for row in alone if len(row) == self._width]
            known = sum(_is_known(row, others) for row in rows)
            alike = sum(_is_known(row, again) for row in rows) if len(alone) >= _SUSPECT else 0
            return 2 * max(known, alike) > len(alone)
        if len(alone) < _SUSPECT or any(len(row) != self._width for row in alone):
            return False
        return self._separator not in ",;" or not any(cell.startswith(" ") for row in alone for cell in row[1:])

    def _whole(self, number: int) -> list[str] | None:
        """Return the cells of a line that is a row by itself; None of any other."""
        if QUOTE not in self._lines[number]:
            return self._lines[number].split(self._separator)
        got = cut(self._lines, number, self._separator)
        return got.cells if got.ending == "whole" and got.end == self._lines.ends[number] else None

    @cached_property
    def _values(self) -> dict[int, Counter[str]]:
        """Column -> its values, for those in which most come back."""
        counted = self._counted(range(self._first, len(self._lines)))
        again = [sum(count for count in of.values() if count > 1) for of in counted]
        return {at: of for at, of in enumerate(counted) if of.total() >= _TELLING and 2 * again[at] >= of.total()}

    def _counted(self, numbers: Iterable[int]) -> list[Counter[str]]:
        """Count the values of each column, in lines that are rows by themselves."""
        whole = (self._whole(number) for number in numbers)
        rows = [row for row in whole if row is not None and len(row) == self._width]
        return [Counter(filter(None, (_value(row[column]) for row in rows))) for column in range(self._width)]


def _is_known(cells: list[str], values: Mapping[int, Counter[str]]) -> bool:
    """Whether cells hold values that were seen in their columns; empty ones say nothing."""
    known = [values[at][value] > 0 for at in values if (value := _value(cells[at]))]
    return any(known) and all(known)


def _value(cell: str) -> str:
    return cell.strip(f" {QUOTE}")
