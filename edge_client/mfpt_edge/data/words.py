"""Raw text as words, by a rule for all scripts that write spaces between words.

White space separates words, and so do the zero-width space and the Ethiopic word space (U+1361). A punctuation mark or
symbol is a word of its own, and the same one several times in a row is one word: `...`, or two Ethiopic word spaces,
which end a sentence. Between two letters or digits, apostrophes, hyphens, middle dots and the marks inside of Hebrew
and Tibetan words stay in the word; between two digits what separates their groups, as in `1,000`, `12:30` and `3/4`.

The categories are those of Unicode, UAX #44; which marks stay inside a word follows UAX #29, WB6, WB7, WB11 and WB12.
"""

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Final

_SPACES: Final = frozenset("\u200b")
_WORD_SPACE: Final = "\u1361"
# Apostrophes, hyphens, middle dots, and the marks inside of Hebrew and Tibetan words.
_INSIDE_WORDS: Final = frozenset("'’‘＇-‐‑·‧\u05be\u05f3\u05f4\u0f0b\u0f0c")
_INSIDE_NUMBERS: Final = frozenset(".,:/٫٬")
# First words of the names of letters of scripts that write no space between words.
_UNSPACED: Final = {
    **{"THAI": "Thai", "LAO": "Lao", "KHMER": "Khmer", "MYANMAR": "Burmese", "TIBETAN": "Tibetan"},
    **{
        "CJK": "Chinese",
        "HIRAGANA": "Japanese",
        "KATAKANA": "Japanese",
        "BALINESE": "Balinese",
        "JAVANESE": "Javanese",
    },
}


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text; see this module for the rule."""
    return tuple(word for chunk in _chunks(text) for word in _words(chunk))


def unspaced_script(text: str) -> str | None:
    """Return the script of a text whose words have no space between them, by name; None: it has another."""
    for character in text:
        if unicodedata.category(character) == "Lo":
            script = unicodedata.name(character, "").partition(" ")[0]
            if script in _UNSPACED:
                return _UNSPACED[script]
    return None


def _chunks(text: str) -> Iterator[str]:
    """Yield what stands between spaces of any kind."""
    for spaced in "".join(" " if character in _SPACES else character for character in text).split():
        for is_space, run in groupby(spaced, _WORD_SPACE.__eq__):
            marks = "".join(run)
            if not is_space or len(marks) > 1:
                yield marks


def _words(chunk: str) -> Iterator[str]:
    start = 0
    for at in range(1, len(chunk) + 1):
        if at == len(chunk) or not _stays(chunk, at):
            yield chunk[start:at]
            start = at


def _stays(chunk: str, at: int) -> bool:
    """Tell whether a character belongs to the word of the one before it."""
    before, here = chunk[at - 1], chunk[at]
    if _is_letter(here):
        return _is_letter(before) or (at > 1 and _joins(chunk[at - 2], before, here))
    if at + 1 < len(chunk) and _joins(before, here, chunk[at + 1]):
        return True
    return here == before and not _is_letter(before)


def _joins(one: str, mark: str, other: str) -> bool:
    """Tell whether a mark between two characters makes them one word."""
    if mark in _INSIDE_NUMBERS:
        return one.isdecimal() and other.isdecimal()
    return mark in _INSIDE_WORDS and _is_letter(one) and _is_letter(other)


def _is_letter(character: str) -> bool:
    """Tell whether a character is part of words: letters, digits, marks on them, and joiners that shape them."""
    return unicodedata.category(character)[0] in "LNM" or character in "\u200c\u200d_"
