"""A user's own language distances in a CSV file: a matrix, or one line for each pair.

    ,swh,zul,yor                first,second,distance
    swh,,0.27,0.62              swh,zul,0.27
    zul,,,0.65                  swh,yor,0.62

Languages are written in any form that `languages.normalise` accepts. Distances are numbers from 0 to 1; an empty cell
means unknown. A matrix may give one half or both, which then have to agree; its diagonal is empty or 0.

Cells may stand between anything that `separated` knows; where that is no comma, numbers may have one: `0,27`.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from mfpt_coord.core.relations import CUSTOM, Distances, Pair, pair
from mfpt_shared.errors import BadData, UsageError
from mfpt_shared.languages import UNDETERMINED, LanguageCode, normalise
from mfpt_shared.separated.rows import TOO_MANY
from mfpt_shared.separated.table import read_separated
from mfpt_shared.text_files import read_text_file

_LONG_HEADER: Final = ["first", "second", "distance"]
_COMMA: Final = re.compile(r"(?<=\d),(?=\d+$)")


class _Row(NamedTuple):
    number: int
    cells: Sequence[str]


class _Entry(NamedTuple):
    """A distance, and its place in the file."""

    first: LanguageCode
    second: LanguageCode
    distance: float
    place: str


def read_distances(path: Path) -> Distances:
    """Read a file of language distances.

    Args:
        path: CSV file; see the module for its forms.

    Returns:
        Every pair that has a distance -> that distance, as the metric `custom`.

    Raises:
        BadData: The file cannot be read, has neither of the two forms, or contradicts itself.
    """
    rows = _rows(path)
    if not rows:
        raise BadData(f"{path} is empty; its first line must name languages, or be {','.join(_LONG_HEADER)}")
    header = [cell.lower() for cell in rows[0].cells]
    entries = _listed(path, rows) if header == _LONG_HEADER else _tabulated(path, rows)
    found: dict[Pair, _Entry] = {}
    for entry in entries:
        if entry.first == entry.second:
            if entry.distance != 0:
                raise BadData(
                    f"{path}, {entry.place}: {entry.first} is {entry.distance:g} from itself; leave that empty"
                )
            continue
        before = found.setdefault(pair(entry.first, entry.second), entry)
        if abs(before.distance - entry.distance) > 1e-9:
            raise BadData(
                f"{path}: {before.first} and {before.second} are {before.distance:g} apart in {before.place}, "
                f"but {entry.distance:g} in {entry.place}; correct one, or leave it empty"
            )
    if not found:
        raise BadData(f"{path} holds no distance of two languages")
    return {two: {CUSTOM: entry.distance} for two, entry in found.items()}


def _rows(path: Path) -> list[_Row]:
    """Return the lines that are not empty, with white space around their cells removed and numbers with a point."""
    try:
        found = read_separated(read_text_file(path).content, str(path), usual=_LONG_HEADER)
    except OSError as error:
        raise BadData(f"cannot read the distances in {path}: {error.strerror}") from error
    rows = [_Row(found.header, found.columns)]
    for row in found.rows:
        if row.cells is None or row.fault not in (None, TOO_MANY):
            raise BadData(f"{path}, line {row.line}: {row.fault}")
        cells = [cell.strip() for cell in row.cells]
        if found.separator != ",":
            cells = [_COMMA.sub(".", cell) for cell in cells]
        rows.append(_Row(row.line, cells))
    return [row for row in rows if any(row.cells)]


def _listed(path: Path, rows: Sequence[_Row]) -> Iterator[_Entry]:
    """Yield the entries of a file with a line for each pair."""
    for number, cells in rows[1:]:
        if len(cells) != len(_LONG_HEADER):
            raise BadData(f"{path}, line {number}: {len(cells)} columns instead of {','.join(_LONG_HEADER)}")
        first, second = (_language(cells[column], path, f"line {number}, column {column + 1}") for column in (0, 1))
        place = f"line {number}"
        if cells[2]:
            yield _Entry(first, second, _distance(cells[2], path, f"{place}, column 3"), place)


def _tabulated(path: Path, rows: Sequence[_Row]) -> Iterator[_Entry]:
    """Yield the entries of a matrix."""
    number, header = rows[0]
    width = max(column for column, cell in enumerate(header, 1) if cell)  # spreadsheets add empty columns
    columns: dict[LanguageCode, int] = {}
    for column, cell in enumerate(header[1:width], 2):
        _note(columns, _language(cell, path, f"line {number}, column {column}"), column, "columns", path)
    lines: dict[LanguageCode, int] = {}
    for number, (name, *cells) in rows[1:]:
        row = _language(name, path, f"line {number}, column 1")
        _note(lines, row, number, "lines", path)
        for position, (language, cell) in enumerate(zip_longest(columns, cells)):
            place = f"line {number}, column {position + 2}"
            if not cell:
                continue
            if language is None:
                raise BadData(f"{path}, {place}: {cell!r} is in a column without a language in line {rows[0].number}")
            yield _Entry(row, language, _distance(cell, path, place), place)


def _note(seen: dict[LanguageCode, int], language: LanguageCode, place: int, kind: str, path: Path) -> None:
    if language in seen:
        raise BadData(f"{path}: {kind} {seen[language]} and {place} are the same language, {language}; keep one")
    seen[language] = place


def _language(tag: str, path: Path, place: str) -> LanguageCode:
    try:
        language = normalise(tag)
    except UsageError as error:
        raise BadData(f"{path}, {place}: {error}") from error
    if language == UNDETERMINED:
        raise BadData(f"{path}, {place}: 'und' has no distances; it is the prompt for languages that no device speaks")
    return language


def _distance(cell: str, path: Path, place: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise BadData(
            f"{path}, {place}: {cell!r} is not a distance; write a number from 0 to 1, or nothing if it is unknown"
        )
    return value
