"""One row of a table cut into cells, as RFC 4180 has it: quotation marks around a cell, and doubled inside.

Beyond that standard, spaces may stand around the quotation marks, and a cell without them around it may hold some.

Source: RFC 4180, section 2.
"""

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from mfpt_shared.separated.lines import Lines

QUOTE: Final = '"'
_QUOTED: Final = re.compile(r'"((?:[^"]++|"")*+)"')
_SPACES: Final = re.compile(" *")

Ending = Literal["whole", "open", "misplaced"]
"""How a row ends: well; within quotation marks that nothing closes; or where something follows a closing mark."""


class Cut(NamedTuple):
    """A row, cut as far as it could be.

    Attributes:
        cells: Its cells.
        end: Index of the character after it, or after the mark that is misplaced, or where the quotation begins.
        ending: How it ends.
        quoted: Number of cells with quotation marks around them.
    """

    cells: list[str]
    end: int
    ending: Ending
    quoted: int


def cut(lines: Lines, number: int, separator: str) -> Cut:
    """Cut the row that begins with a line; cells in quotation marks may go on over more lines."""
    text, at = lines.text, lines.starts[number]
    stop = _stop(separator, lines.line_end)
    cells: list[str] = []
    quoted = 0
    while True:
        begin = _after_spaces(text, at)
        if text[begin : begin + 1] == QUOTE:
            match = _QUOTED.match(text, begin)
            if match is None:
                return Cut(cells, at, "open", quoted)
            end = stop.match(text, _after_spaces(text, match.end()))
            if end is None:
                return Cut(cells, match.end(), "misplaced", quoted)
            cells.append(match[1].replace('""', QUOTE))
            quoted += 1
        else:
            end = stop.search(text, at)
            assert end is not None  # at the latest, the expression matches where the text ends
            cells.append(text[at : end.start()])
        if end[0] != separator:
            return Cut(cells, end.start(), "whole", quoted)
        at = end.end()


def cut_sloppily(line: str, separator: str) -> list[str] | None:
    r"""Cut a line whose quotation marks are neither doubled nor escaped, such as `"said "yes" and left",label`.

    Returns:
        Its cells; None where a mark is not closed before a separator or the end.
    """
    cells: list[str] = []
    rest: str | None = line
    while rest is not None:
        inner = rest.lstrip(" ")
        if inner.startswith(QUOTE):
            close = _closing(separator).search(inner, 1)
            if close is None:
                return None
            cells.append(inner[1 : close.start()].replace('\\"', QUOTE).replace('""', QUOTE))
            rest = inner[close.end() :] if close[1] else None
        else:
            cell, found, after = rest.partition(separator)
            cells.append(cell)
            rest = after if found else None
    return cells


def _after_spaces(text: str, at: int) -> int:
    match = _SPACES.match(text, at)
    return match.end() if match else at


@lru_cache
def _stop(separator: str, line_end: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(separator)}|{line_end}|\Z")


@lru_cache
def _closing(separator: str) -> re.Pattern[str]:
    return re.compile(rf'(?<!\\)" *({re.escape(separator)}|\Z)')
