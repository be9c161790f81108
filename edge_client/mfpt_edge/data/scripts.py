"""Which script texts are written in, and which ones a language is usually written in.

Source: Unicode character names, whose first word is the script; likely subtags of Unicode's CLDR, through langcodes.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from langcodes.data_dicts import LIKELY_SUBTAGS

from mfpt_shared.languages import LanguageCode, short_tag

# ISO 15924 -> first words of the names of its characters, for scripts whose name does not give it.
_FIRST_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Adlm": ("ADLAM",), "Arab": ("ARABIC",), "Armn": ("ARMENIAN",), "Beng": ("BENGALI",), "Cakm": ("CHAKMA",),
    "Cans": ("CANADIAN",), "Cher": ("CHEROKEE",), "Cyrl": ("CYRILLIC",), "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",), "Geor": ("GEORGIAN",), "Grek": ("GREEK",), "Gujr": ("GUJARATI",), "Guru": ("GURMUKHI",),
    "Hans": ("CJK",), "Hant": ("CJK",), "Hebr": ("HEBREW",), "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
    "Khmr": ("KHMER",), "Knda": ("KANNADA",), "Kore": ("HANGUL",), "Laoo": ("LAO",), "Latn": ("LATIN",),
    "Mlym": ("MALAYALAM",), "Mong": ("MONGOLIAN",), "Mtei": ("MEETEI",), "Mymr": ("MYANMAR",), "Nkoo": ("NKO",),
    "Olck": ("OL",), "Orya": ("ORIYA",), "Sinh": ("SINHALA",), "Syrc": ("SYRIAC",), "Taml": ("TAMIL",),
    "Telu": ("TELUGU",), "Tfng": ("TIFINAGH",), "Thaa": ("THAANA",), "Thai": ("THAI",), "Tibt": ("TIBETAN",),
    "Vaii": ("VAI",), "Yiii": ("YI",),
}  # fmt: skip
_KNOWN: Final = frozenset(word for words in _FIRST_WORDS.values() for word in words)


def usual_scripts(language: LanguageCode) -> frozenset[str]:
    """Return the scripts of a language anywhere, as `script_counts` names them; empty: they are not known here."""
    tag = short_tag(language)
    full = {value for key, value in LIKELY_SUBTAGS.items() if key.split("-")[0] in (tag, language)}
    codes = {part for value in full for part in value.split("-")[1:2]}
    return frozenset(word for code in codes for word in _FIRST_WORDS.get(code, ()))


def script_counts(texts: Iterable[str]) -> Counter[str]:
    """Count the letters of texts by script, for scripts that are known here."""
    characters: Counter[str] = Counter()
    for text in texts:
        characters.update(text)
    counts: Counter[str] = Counter()
    for character, count in characters.items():
        script = _script(character)
        if script is not None:
            counts[script] += count
    return counts


@lru_cache(maxsize=10_000)
def _script(character: str) -> str | None:
    if not character.isalpha():
        return None
    word = unicodedata.name(character, "").split(" ")[0].split("-")[0]
    return word if word in _KNOWN else None
