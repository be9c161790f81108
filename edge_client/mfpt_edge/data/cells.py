"""What a cell of any type says as text, or why it says nothing."""

import math
import re
from typing import Final, NamedTuple

_COUNTED: Final = 10  # longer lists are not told apart, so that there are few reasons to skip a row
_HALVES: Final = re.compile("[\ud800-\udfff]")
_EXACT: Final = 2**53  # whole numbers up to this are exact in floating point


class Odd(NamedTuple):
    """Something that is not a text.

    Attributes:
        what: What it is, in words that hold nothing of it: "a list of 3".
    """

    what: str


def cell_text(value: object, *, truth: bool = False) -> str | Odd:
    """Return a cell as stripped text.

    A null, a NaN and an empty list are empty. A list of one cell is that cell, as is what Label Studio writes around a
    choice, `{"choices": [...]}`. A whole number is its digits.

    Args:
        value: A cell of JSON or of an Arrow table.
        truth: Whether true and false are taken as the words.
    """
    value = _unwrapped(value)
    if isinstance(value, str):
        # JSON can escape half of a surrogate pair, which is not Unicode text and which no tokenizer takes.
        return Odd("half a character") if _HALVES.search(value) else value.strip()
    if isinstance(value, bool):
        return str(value).lower() if truth else Odd("true or false")
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, list):
        return Odd(f"a list of {len(value)}" if len(value) < _COUNTED else f"a list of {_COUNTED} or more")
    return "" if value is None else value if isinstance(value, Odd) else Odd("an object")


def _unwrapped(value: object) -> object:
    if isinstance(value, dict) and value.keys() == {"choices"}:
        value = value["choices"]
    if isinstance(value, list) and len(value) < 2:
        return value[0] if value else None
    return value


def _number_text(value: float) -> str | Odd:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else Odd("a number that is not whole")
