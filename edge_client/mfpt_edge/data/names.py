"""Names of labels and columns compared: two that a person would call the same are the same."""

import unicodedata
from typing import Final

_LONGEST: Final = 40
_MOST_WORDS: Final = 5


def comparable_name(name: str) -> str:
    """Return a name without its Unicode form, its case, repeated white space and what nobody sees.

    Format characters (Unicode category Cf), such as zero-width spaces and joiners, are left out. Case folding can undo
    the normal form, which is therefore made twice.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).split())


def may_be_name(text: str) -> bool:
    """Whether a text is short enough for a name; what is not may be a sentence, and no message may show it."""
    return len(text) <= _LONGEST and len(text.split()) <= _MOST_WORDS
