"""Folders with the data of several languages: a folder or file for each, named after it."""

from pathlib import Path

from mfpt_edge.data.readers import SUFFIXES
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode, normalise


def languages_in(folder: Path) -> list[LanguageCode]:
    """Return the languages that a folder has a folder or file for, in the order of their codes."""
    return sorted({tag for path in folder.iterdir() if (tag := _language_of(path)) is not None})


def find_language(folder: Path, language: LanguageCode) -> Path:
    """Return the folder or file of a language: `swh`, `sw`, `swh_Latn` or `swh.csv` for Swahili.

    Raises:
        UsageError: The folder is missing, or holds none or more than one for the language.
    """
    if not folder.is_dir():
        raise UsageError(f"--data {folder}: no such folder; give one that holds a folder or file for each language")
    found = [path for path in sorted(folder.iterdir()) if _language_of(path) == language]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "nothing"
        raise UsageError(
            f"--data {folder}: it holds {names} for {language}; give it one folder or file named after the language"
        )
    return found[0]


def _language_of(path: Path) -> LanguageCode | None:
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        return None
    try:
        return normalise(path.stem.split("_")[0])
    except UsageError:
        return None
