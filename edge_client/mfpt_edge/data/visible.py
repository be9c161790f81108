"""What of a word can be seen: white space and invisible characters that files carry at its edges are no part of it."""

import unicodedata
from typing import Final

# Zero-width space, word joiner, byte order mark, and the marks of writing direction. The zero-width joiners are not
# among them: they shape the letter beside them, also at the end of a word.
_INVISIBLE: Final = "\u200b\u2060\ufeff\u200e\u200f"
_EDGES: Final = _INVISIBLE + "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


def trimmed(text: str) -> str:
    """Return a text without white space and invisible characters around it."""
    return text.strip(_EDGES)


def is_visible(word: str) -> bool:
    """Whether a word holds more than white space, joiners and control characters."""
    return any(unicodedata.category(char) not in _UNSEEN for char in word)
