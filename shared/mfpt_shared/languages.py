"""Language tags: whatever people type (BCP 47, ISO 639-1, ISO 639-3) becomes one ISO 639-3 code."""

import re
from functools import lru_cache
from typing import Final, NewType

from langcodes import Language
from langcodes.tag_parser import LanguageTagError

from mfpt_shared.errors import UsageError
from mfpt_shared.language_names import codes_named, language_name

LanguageCode = NewType("LanguageCode", str)
"""An ISO 639-3 code of three lower-case letters, such as `swh`; `und` is BCP 47's "undetermined"."""

UNDETERMINED: Final = LanguageCode("und")

# ISO 639-3 codes of single languages that CLDR writes as a region of another (fa-AF, sw-CD, sr-ME) or merges (fil), and
# codes that were retired in favour of one of these.
_KEPT: Final = {"drw": "prs", "tnf": "prs", "cnr": "cnr", "prs": "prs", "swc": "swc", "tgl": "tgl", "tl": "tgl"}
# ISO 639-3 codes that are newer than the registry in langcodes 3.5.
_NEWER: Final = re.compile(
    "ajs|bpc|cnq|dsz|egm|gov|imt|lgo|lqr|lsc|lsw|nww|oie|phj|pzh|rib|rnb|rsk|rsn|tok|ugh|uon|wdt|wyn|xdq|xhm|zcd"
)

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

    A code of ISO 639-3 stays what it is (`swc`, `prs`), unless it was retired or is that of a macro-language with a
    standard member.

    Raises:
        UsageError: The tag is malformed or names no language.
    """
    code = _alpha3(tag.replace("_", "-"))
    if code is None or not re.fullmatch(r"[a-z]{3}", code) or code in ("mul", "zxx", "mis"):
        raise UsageError(
            f"unknown language tag {tag[:40]!r}: give a BCP 47 or ISO 639 tag, such as 'sw' or 'swh' (see "
            "iso639-3.sil.org)"
        )
    return LanguageCode(_STANDARD_MEMBERS.get(code, code))


def _alpha3(tag: str) -> str | None:
    """Return the ISO 639-3 code of a BCP 47 tag, or None if it has none."""
    first, dash, rest = tag.partition("-")
    kept = first.lower() if _NEWER.fullmatch(first.lower()) else _KEPT.get(first.lower())
    try:
        # English stands in for what langcodes would replace or does not know: the rest of the tag is checked alike.
        language = Language.get(f"{'en' if kept else first}{dash}{rest}", normalize=True)
        return (kept or language.to_alpha3()) if language.is_valid() else None
    except (LanguageTagError, LookupError):
        return None


def given_language(tag: str) -> LanguageCode:
    """Return what `normalise` does, for a tag that somebody typed: where it is a language's name, its tag is said.

    Raises:
        UsageError: The tag is malformed or names no language.
    """
    try:
        return normalise(tag)
    except UsageError as error:
        if meant := codes_named(tag):
            tags = " or ".join(f"{short_tag(LanguageCode(one))} for {named(one)}" for one in meant)
            raise UsageError(f"{tag!r} is a name and no language tag: give {tags}") from error
        raise


def device_language(tag: str) -> LanguageCode:
    """Return the code of a language that a device may have: any except "undetermined".

    Raises:
        UsageError: The tag is malformed, names no language, or is `und`.
    """
    code = given_language(tag)
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


def named(code: str) -> str:
    """Return a language's name with its code, as people are told what their tag became: `Congo Swahili (swc)`.

    A code that the table of names lacks stands alone.
    """
    name = language_name(code)
    return code if name is None else f"{name} ({code})"


def short_tag(code: LanguageCode) -> str:
    """Return the shortest BCP 47 tag for a code (`swh` -> `sw`), as CLDR and people write it."""
    if code in _KEPT:
        return next(tag for tag, kept in reversed(_KEPT.items()) if kept == code)
    for macro, member in _STANDARD_MEMBERS.items():
        if member == code:
            return str(Language.get(macro).language)
    return str(Language.get(code).language or code)
