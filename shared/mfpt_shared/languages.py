"""Language tags: whatever people type (BCP 47, ISO 639-1, ISO 639-3) becomes one ISO 639-3 code."""

import re
from functools import lru_cache
from typing import Final, NewType

from langcodes import Language
from langcodes.tag_parser import LanguageTagError

from mfpt_shared.errors import UsageError

LanguageCode = NewType("LanguageCode", str)
"""An ISO 639-3 code of three lower-case letters, such as `swh`; `und` is BCP 47's "undetermined"."""

UNDETERMINED: Final = LanguageCode("und")

# For some ISO 639-1 tags ISO 639-3 has a macro-language. Data sets and URIEL+ know only its standard member.
_STANDARD_MEMBERS: Final = {
    "aka": "twi",
    "ara": "arb",
    "aym": "ayr",
    "aze": "azj",
    "est": "ekk",
    "fas": "pes",
    "ful": "fuv",
    "grn": "gug",
    "kon": "kng",
    "kur": "kmr",
    "lav": "lvs",
    "mlg": "plt",
    "mon": "khk",
    "msa": "zsm",
    "nep": "npi",
    "nor": "nob",
    "ori": "ory",
    "orm": "gaz",
    "pus": "pbt",
    "que": "quy",
    "sqi": "als",
    "swa": "swh",
    "uzb": "uzn",
    "yid": "ydd",
    "zho": "cmn",
}


def normalise(tag: str) -> LanguageCode:
    """Return the ISO 639-3 code of a language tag; `sw`, `sw-KE`, `swa` and `swh` all give `swh`.

    Raises:
        UsageError: The tag is malformed or names no language.
    """
    try:
        language = Language.get(tag.replace("_", "-"), normalize=True)
        code = language.to_alpha3() if language.is_valid() else None
    except (LanguageTagError, LookupError):
        code = None
    if code is None or not re.fullmatch(r"[a-z]{3}", code) or code in ("mul", "zxx", "mis"):
        raise UsageError(
            f"unknown language tag {tag!r}: give a BCP 47 or ISO 639 tag, such as 'sw' or 'swh' (see iso639-3.sil.org)"
        )
    return LanguageCode(_STANDARD_MEMBERS.get(code, code))


def device_language(tag: str) -> LanguageCode:
    """Return the code of a language that a device may have: any except "undetermined".

    Raises:
        UsageError: The tag is malformed, names no language, or is `und`.
    """
    code = normalise(tag)
    if code == UNDETERMINED:
        raise UsageError("a device needs a language; 'und' is the prompt of languages that no device speaks")
    return code


@lru_cache(maxsize=10_000)
def is_language(code: str) -> bool:
    """Tell whether a device may have this code: one of ISO 639-3, and not `und`."""
    try:
        return normalise(code) == code != UNDETERMINED
    except UsageError:
        return False


def short_tag(code: LanguageCode) -> str:
    """Return the shortest BCP 47 tag for a code (`swh` -> `sw`), as CLDR and people write it."""
    for macro, member in _STANDARD_MEMBERS.items():
        if member == code:
            return str(Language.get(macro).language)
    return str(Language.get(code).language or code)
