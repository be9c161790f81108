"""The embedded task: tell the names of countries, languages, currencies, units and cities apart, in 100+ languages.

The names come from the Unicode CLDR through Babel, which ships them inside its wheel: no download and no question of
licence, so that a first federation runs offline. It is a task to try the system with, not a benchmark.

Small locales inherit what has not been translated yet. A name that equals the root's, English's or the parent locale's
under the same code is therefore not evidence of the language, and is dropped.

Source: CLDR, https://cldr.unicode.org; inheritance: UTS #35 part 1, section 4.1.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mfpt_shared.errors import DatasetError, NotInstalled, UsageError
from mfpt_shared.languages import LanguageCode, normalise, short_tag

if TYPE_CHECKING:
    from babel import Locale

CLDR_LABELS: Final = ("country", "language", "currency", "unit", "city")
"""The classes of the task. Many locales lack units and cities; a device then simply has no example of them."""

# A tenth of the names is for testing: fewer than this would leave a handful.
_MIN_NAMES: Final = 100
# The few names that a locale has beside an untranslated list are stray spellings (Merida for Mérida), not a class.
_MIN_NAMES_OF_A_LABEL: Final = 20

# Codes that do not name a country, language or currency: groups, test locales, "unknown".
_NOT_COUNTRIES: Final = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
_NOT_LANGUAGES: Final = frozenset({"mis", "mul", "root", "und", "zxx"})
_NOT_CURRENCIES: Final = frozenset({"XTS", "XXX"})

# CLDR has no locale of their own for these languages, and one of another's that serves.
_LOCALES: Final = {"cnr": "sr_ME", "prs": "fa_AF", "swc": "sw_CD", "tgl": "fil"}

_Names = dict[str, dict[str, str]]  # label -> CLDR code -> name


@dataclass(frozen=True, slots=True)
class CldrName:
    """One name in one language.

    Attributes:
        key: Label and CLDR code, such as `country/KE`; the same entity has the same key in every language.
        text: The name.
        label: One of `CLDR_LABELS`.
    """

    key: str
    text: str
    label: str


def cldr_examples(language: LanguageCode) -> list[CldrName]:
    """Return the names that CLDR truly has in a language, in the order of their keys.

    Each label that occurs does so at least 20 times, and at least two labels and 100 names are there.

    Raises:
        DatasetError: CLDR does not know the language, or has too few names in it.
        NotInstalled: Babel is not installed.
    """
    names = _own_names(language)
    if not _enough(names):
        counts = Counter(name.label for name in names)
        found = ", ".join(f"{label} {counts[label]}" for label in CLDR_LABELS)
        raise DatasetError(
            f"the embedded data has too few names in {language!r} ({found}): give your own sentences with --data FILE"
        )
    return names


def cldr_languages() -> tuple[LanguageCode, ...]:
    """Return the languages for which `cldr_examples` has enough names, sorted; reads every locale (about two seconds).

    Raises:
        NotInstalled: Babel is not installed.
    """
    _require_babel()
    from babel import localedata  # noqa: PLC0415 - Babel is part of the `edge` extra

    codes = {code for tag in localedata.locale_identifiers() if "_" not in tag and (code := _code(tag)) is not None}
    return tuple(sorted(code for code in codes if _enough(_own_names(code))))


def _enough(names: list[CldrName]) -> bool:
    return len(names) >= _MIN_NAMES and len({name.label for name in names}) > 1


def _code(tag: str) -> LanguageCode | None:
    try:
        return normalise(tag)
    except UsageError:  # `root` and a few historic locales are not languages of ISO 639-3
        return None


def _own_names(language: LanguageCode) -> list[CldrName]:
    locale = _locale(language)
    names = _names(locale)
    for other in _inherited(locale):
        for label, of_other in _names(other).items():
            names[label] = {code: name for code, name in names[label].items() if name != of_other.get(code)}
    own = _unambiguous(names)
    counts = Counter(name.label for name in own)
    return [name for name in own if counts[name.label] >= _MIN_NAMES_OF_A_LABEL]


def _unambiguous(names: _Names) -> list[CldrName]:
    """Keep one of several equal names of a kind, and none that two kinds share (Luxembourg: country and city)."""
    labels_of: dict[str, set[str]] = defaultdict(set)
    for label, of_label in names.items():
        for name in of_label.values():
            labels_of[name.casefold()].add(label)
    kept: dict[str, CldrName] = {}
    for label in CLDR_LABELS:
        for code, name in sorted(names[label].items()):
            if len(labels_of[name.casefold()]) == 1:
                kept.setdefault(name.casefold(), CldrName(f"{label}/{code}", name, label))
    return list(kept.values())


def _require_babel() -> None:
    try:
        import babel  # noqa: F401, PLC0415 - part of the `edge` extra
    except ImportError as error:
        raise NotInstalled("the embedded data needs Babel: pip install 'mfpt[edge]'") from error


def _locale(language: LanguageCode) -> "Locale":
    """Return the language's base locale: no territory, default script."""
    _require_babel()
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - part of the `edge` extra

    try:
        # parse() resolves aliases and ISO 639-3 codes, but adds a territory, whose locale holds next to nothing itself.
        return Locale(Locale.parse(_LOCALES.get(language) or short_tag(language)).language)
    except (UnknownLocaleError, ValueError) as error:
        raise DatasetError(
            f"the embedded data does not know the language {language!r}: give your own sentences with --data FILE"
        ) from error


def _inherited(locale: "Locale") -> Iterator["Locale"]:
    from babel import Locale  # noqa: PLC0415 - part of the `edge` extra
    from babel.core import get_global  # noqa: PLC0415 - part of the `edge` extra

    yield Locale.parse("root")
    if locale.language != "en":
        yield Locale("en")
    # Haitian Creole inherits from fr_HT, Nynorsk from Norwegian: these names are not its own words either.
    parent = get_global("parent_exceptions").get(str(locale))
    if parent is not None:
        yield Locale.parse(parent)


def _names(locale: "Locale") -> _Names:
    names = {
        # Numeric codes are areas such as 001, the world.
        "country": {c: n for c, n in locale.territories.items() if c not in _NOT_COUNTRIES and not c.isdecimal()},
        "language": {c: n for c, n in locale.languages.items() if c not in _NOT_LANGUAGES},
        "currency": {c: n for c, n in locale.currencies.items() if c not in _NOT_CURRENCIES},
        # CLDR lets the long form default to the short one.
        "unit": {c: n.get("long") or n.get("short") or "" for c, n in locale.unit_display_names.items()},
        "city": _cities(locale),
    }
    return {label: {c: n.strip() for c, n in of_label.items() if _is_name(n)} for label, of_label in names.items()}


def _cities(locale: "Locale") -> Mapping[str, str]:
    """Return zone -> exemplar city; in English the zone's own name is the default (Africa/Dar_es_Salaam)."""
    from babel.core import get_global  # noqa: PLC0415 - part of the `edge` extra

    own = {zone: data["city"] for zone, data in locale.time_zones.items() if data.get("city")}
    if locale.language == "en":
        own = {zone: zone.rpartition("/")[2].replace("_", " ") for zone in get_global("zone_territories")} | own
    return {zone: city for zone, city in own.items() if not zone.startswith("Etc/")}


def _is_name(name: str) -> bool:
    """Whether it is a word rather than a symbol, an empty value or a pattern with a placeholder."""
    return "{" not in name and sum(char.isalpha() for char in name) > 1
