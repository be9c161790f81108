"""Texts of others, from files or the network, as they may be shown on a terminal or written to a log."""

import re
import unicodedata
from typing import Final

# What turns the direction of the text around it (Unicode, UAX #9), and marks that nobody sees. The joiners U+200C and
# U+200D stay: Persian, Sinhala and other languages are not written right without them.
_UNSEEN: Final = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_TAGS: Final = range(0xE0000, 0xE0080)
# What JSON lets stand as it is, and many programs take for the end of a line or for an order to the terminal.
_RAW: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def printable(text: str, most: int | None = None) -> str:
    r"""Return a text on one line that does nothing to a terminal and cannot pretend to be another.

    Control characters, halves of surrogate pairs and what changes the direction of writing are left out; line breaks
    and tabs become spaces.

    Args:
        text: Any text, such as `"\x1b]0;x\x07"`.
        most: Number of characters after which it is cut, with an ellipsis; None: never.
    """
    clean = "".join(_shown(character) for character in text)
    return clean if most is None or len(clean) <= most else clean[: most - 1] + "…"


def printable_lines(text: str) -> str:
    """Return a text of several lines, each of which is `printable`."""
    return "\n".join(printable(line) for line in text.split("\n"))


def escaped(written: str) -> str:
    """Return JSON or TOML with escapes for what would end a line of it or move a terminal; it means the same."""
    return _RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def _shown(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " " if character in "\n\r\t\v\f" else ""
    if character in _UNSEEN or ord(character) in _TAGS:
        return ""
    category = unicodedata.category(character)
    return " " if category in ("Zl", "Zp") else "" if category in ("Cc", "Cs") else character
