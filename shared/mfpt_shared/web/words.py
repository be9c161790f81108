"""The words of the pages, in the languages that somebody translated them to.

English is the source: a message is its own key. A catalogue is a file of gettext,
`web/locale/LANGUAGE/LC_MESSAGES/mfpt.po`, which communities can translate with the tools that they know; there is one
for both pages. `scripts/words` extracts the messages from the pages' modules.
"""

from collections.abc import Sequence
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Final

import msgspec
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from mfpt_shared.errors import Damaged

LOCALES: Final = Path(__file__).parent / "locale"
SOURCE: Final = "en"
UNREVIEWED: Final = "needs a native reader"
"""What the comment at the head of a catalogue says until somebody who speaks the language has read it."""

# Languages whose usual script is written so. Babel knows it too, and holds some megabytes for it.
_RIGHT_TO_LEFT: Final = frozenset({"ar", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "rhg", "sd", "ug", "ur", "yi"})
_FORMS: Final = 200
"""Numbers for which the form is told: what comes after 99 has the form of the number with its last two digits."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a page needs to speak a language.

    Attributes:
        language: Tag of the language, as catalogues are named: `sw`.
        direction: `ltr` or `rtl`.
        reviewed: Whether somebody who speaks it has read it.
        plural: For each number from 0 to 199, which form of a message it takes, as a digit.
        messages: English to its translation, with all forms where a message has several.
    """

    language: str
    direction: str
    reviewed: bool
    plural: str
    messages: dict[str, tuple[str, ...]]


def catalogue_file(language: str, locales: Path = LOCALES) -> Path:
    """Return where the catalogue of a language is."""
    return locales / language / "LC_MESSAGES" / "mfpt.po"


@cache
def spoken(locales: Path = LOCALES) -> tuple[str, ...]:
    """Return the tags of the languages that the pages speak; English first."""
    return (SOURCE, *sorted(file.parent.parent.name for file in locales.glob("*/LC_MESSAGES/mfpt.po")))


@cache
def words(language: str, locales: Path = LOCALES) -> Words:
    """Return what a page needs to speak a language; English where it is not spoken.

    Raises:
        Damaged: The catalogue cannot be read.
    """
    if language == SOURCE or language not in spoken(locales):
        return Words(language=SOURCE, direction="ltr", reviewed=True, plural=_plural("n != 1"), messages={})
    file = catalogue_file(language, locales)
    try:
        with file.open("rb") as stream:
            catalogue = read_po(stream, locale=language)
    except (OSError, ValueError) as error:
        raise Damaged(f"{file}: {error}; install mfpt again") from error
    return Words(
        language=language,
        direction="rtl" if language.partition("_")[0] in _RIGHT_TO_LEFT else "ltr",
        reviewed=UNREVIEWED not in catalogue.header_comment,
        plural=_plural(catalogue.plural_expr),
        messages=_messages(catalogue),
    )


def preferred(accepted: str, locales: Path = LOCALES) -> str:
    """Return the language that a browser would like best, of those that are spoken.

    Args:
        accepted: Header `Accept-Language`, such as `sw-KE,sw;q=0.9,en;q=0.8`.
        locales: Where the catalogues are.
    """
    tags = spoken(locales)
    for tag in _by_liking(accepted):
        base = tag.partition("-")[0]
        if tag in tags or base in tags:
            return tag if tag in tags else base
    return SOURCE


def _by_liking(accepted: str) -> Sequence[str]:
    weighed = []
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weighed.append((-float(quality or 1), tag.strip()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(weighed, key=lambda one: one[0])]


def _messages(catalogue: Catalog) -> dict[str, tuple[str, ...]]:
    found = {}
    for message in catalogue:
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and all(forms) and not message.fuzzy:
            found[message.id if isinstance(message.id, str) else message.id[0]] = tuple(forms)
    return found


def _plural(expression: str) -> str:
    form = c2py(expression)
    return "".join(str(form(number)) for number in range(_FORMS))
