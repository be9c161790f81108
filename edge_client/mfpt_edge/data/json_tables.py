"""Readers of JSON: one object a line, objects over several lines, or an array of them, whatever the name says.

An object that breaks the format costs itself alone. In an array, what follows it is found again where another object
begins after a comma.

Source: RFC 8259.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mfpt_edge.data.file_names import suffix_of
from mfpt_edge.data.table import Record, Table, listed
from mfpt_shared.errors import DatasetError
from mfpt_shared.text_files import read_text_file, unreadable

_NO_OBJECT: Final = "not a JSON object"
_BROKEN: Final = "broken JSON"
_TWICE: Final = "two values of one name"
_GAP: Final = re.compile(r"[\s,]*")
_NEXT: Final = re.compile(r"(?:[\]}\"\w]\s*,|\n)\s*(?=\{)")
_NAME: Final = re.compile(r'[\s,]*"((?:[^"\\]|\\.)*+)"\s*:\s*')
_OF_OBJECTS: Final = re.compile(r"\[\s*\{")
_END_OF_ARRAY: Final = re.compile(r"\]\s*,?\s*\[?")
_CLOSE: Final = re.compile(r"\s*\}")


class _Twice(ValueError):
    """An object has two values of one name."""


def read_json(path: Path) -> Table:
    """Read objects, one a line, one after another, or in arrays; an array may be the only one in an object around it.

    Raises:
        DatasetError: There is no object, or more than one array of objects.
        OSError: It cannot be opened.
    """
    text, notes = read_text_file(path)
    begin = _elements_begin(text, path)
    records = list(_lines(text) if begin is None else _elements(text, begin))
    columns = tuple(dict.fromkeys(name for record in records for name in record.cells or ()))
    if not columns:
        what = "lines" if begin is None else "elements"
        raise DatasetError(f"{path}: none of its {len(records)} {what} is a JSON object with a text and a label")
    return Table(str(path), columns, records, notes)


def _lines(text: str) -> Iterator[Record]:
    """Read one object a line; only line feeds end a line, or returns as on an old Mac, since strings hold others."""
    for number, line in enumerate(text.split("\n" if "\n" in text else "\r"), start=1):
        content = line.strip("\ufeff \t\r")
        if not content:
            continue
        try:
            yield _record(number, _DECODER.decode(content.removesuffix(",")), line)
        except (ValueError, RecursionError) as error:
            yield Record(number, None, _fault(error, line))


def _elements(text: str, at: int) -> Iterator[Record]:
    """Read the elements of an array, or objects one after another; arrays one after another are one.

    Args:
        text: The whole file.
        at: Index of the character after the bracket that opens the array, or of the first object.
    """
    line, counted = 1, 0
    # More of the object around it may follow an inner array, and nothing of it is a row.
    is_inner = text.lstrip().startswith("{") and text[at - 1 : at] == "["
    while True:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        end = _END_OF_ARRAY.match(text, at)
        if at >= len(text) or (end and is_inner):
            return
        if end:
            at = end.end()
            continue
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, after = _DECODER.raw_decode(text, at)
            yield _record(line, value, text[at:after])
        except (ValueError, RecursionError) as error:
            found = _NEXT.search(text, at)
            after = found.end() if found else len(text)
            yield Record(line, None, _fault(error, text[at:after]))
        at = after


def _record(number: int, value: object, source: str) -> Record:
    fault = unreadable(source)
    if fault is not None or not isinstance(value, dict):
        return Record(number, None, fault or _NO_OBJECT)
    return Record(number, value)


def _fault(error: Exception, source: str) -> str:
    return unreadable(source) or (_TWICE if isinstance(error, _Twice) else _BROKEN)


def _elements_begin(text: str, path: Path) -> int | None:
    """Return the index after the bracket that opens an array, or of an object over lines; None: one stands a line.

    Raises:
        DatasetError: An object holds several arrays of objects.
    """
    begin = len(text) - len(text.lstrip())
    if text.startswith("[", begin):
        return None if _is_line(text[begin:]) else begin + 1
    if not text.startswith("{", begin):
        return None
    arrays, end = _arrays_in(text, begin + 1)
    alone = end is None or not text[end:].strip()
    if end is not None and "\n" in text[begin:end].strip() and text[end:].lstrip(" \t\r\n,").startswith("{"):
        return begin
    if not arrays or not alone or (suffix_of(path) != ".json" and (end is None or "\n" not in text[begin:end])):
        return None
    if len(arrays) > 1:
        raise DatasetError(f"{path} holds several lists, {listed(list(arrays))}: save each in a file of its own")
    return next(iter(arrays.values()))


def _is_line(text: str) -> bool:
    """Whether an array is one line of several, and so no row at all."""
    first, found, rest = text.partition("\n")
    return bool(found) and first.rstrip().endswith("]") and rest.lstrip()[:1] in ("[", "{")


def _arrays_in(text: str, at: int) -> tuple[dict[str, int], int | None]:
    """Find the arrays of objects in an object.

    Args:
        text: The whole file.
        at: Index of the character after the brace that opens the object.

    Returns:
        Name -> index after the bracket that opens its array; and the index after the object, None where it is broken.
    """
    found: dict[str, int] = {}
    while name := _NAME.match(text, at):
        at = name.end()
        if _OF_OBJECTS.match(text, at):
            found[name[1]] = at + 1
        try:
            _, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return found, None
    close = _CLOSE.match(text, at)
    return found, close.end() if close else None


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _no_number(_name: str) -> None:
    """Read `NaN` and `Infinity`, which are no JSON, as nothing: programs write them where a cell is empty."""


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
