"""Names of languages in English, as Glottolog writes them: `Congo Swahili` for `swc`.

URIEL+, which the distances come from, ships Glottolog's names for some 7,800 codes of ISO 639-3. They are read from its
files, line by line: importing it takes seconds.

Source: Glottolog, https://glottolog.org, through URIEL+ (see `mfpt_coord.languages.distances`).
"""

import csv
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_TABLES: Final = ("database", "urielplus_csvs")
_CODES: Final = "uriel_glottocode_map.csv"
_NAMES: Final = "lang_fam_geo.csv"


@lru_cache(maxsize=1_000)
def language_name(code: str) -> str | None:
    """Return the English name of a language; None: it is not known, or URIEL+ is not there.

    Args:
        code: ISO 639-3 code, such as `swc`.
    """
    glottocode = _second(_CODES, code)
    return _second(_NAMES, glottocode) or None if glottocode else None


def language_names(codes: Iterable[str]) -> dict[str, str]:
    """Return code -> English name for those of these languages whose names are known, in one reading of the tables.

    Args:
        codes: ISO 639-3 codes.
    """
    wanted = set(codes)
    try:
        glottocodes = {row[0]: row[1] for row in csv.reader(_lines(_CODES)) if len(row) > 1 and row[0] in wanted}
        sought = set(glottocodes.values())
        names = {row[0]: row[1].strip() for row in csv.reader(_lines(_NAMES)) if len(row) > 1 and row[0] in sought}
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {code: names[one] for code, one in glottocodes.items() if names.get(one)}


def codes_named(name: str) -> list[str]:
    """Return the ISO 639-3 codes of the languages that have this English name, in any case, sorted."""
    if not name.strip():
        return []
    wanted = f",{name.strip()},".casefold()
    try:
        found = {line.partition(",")[0] for line in _lines(_NAMES) if wanted in line.casefold()}
        named = {
            code
            for code, _, glottocode in (line.strip().partition(",") for line in _lines(_CODES))
            if glottocode in found
        }
    except (OSError, UnicodeDecodeError):
        return []
    return sorted(code for code in named if (language_name(code) or "").casefold() == name.strip().casefold())


def _second(table: str, first: str) -> str | None:
    """Return the second cell of the line that begins with a cell; None: there is no such line."""
    try:
        line = next((line for line in _lines(table) if line.startswith(f"{first},")), None)
    except (OSError, UnicodeDecodeError):
        return None
    cells = next(csv.reader([line])) if line is not None else []
    return cells[1].strip() if len(cells) > 1 else None


def _lines(table: str) -> Iterator[str]:
    spec = find_spec("urielplus")  # of a package on the top level, this imports nothing
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        with Path(folder, *_TABLES, table).open(encoding="utf-8") as file:
            yield from file
