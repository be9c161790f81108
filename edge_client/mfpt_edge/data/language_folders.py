"""Folders with the data of several languages: a folder or file for each, named after it."""

import re
from pathlib import Path
from typing import Final

from mfpt_edge.data.file_names import stem_of, suffix_of
from mfpt_edge.data.readers import readers
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode, named, normalise
from mfpt_shared.plan import TaskKind

_END_OF_TAG: Final = re.compile(r"[-_.]")


def languages_in(folder: Path, kind: TaskKind = "classification") -> list[LanguageCode]:
    """Return the languages that a folder has a folder or file for, in the order of their codes."""
    return sorted({tag for path in folder.iterdir() if (tag := _language_of(path, kind)) is not None})


def find_language(folder: Path, language: LanguageCode, kind: TaskKind = "classification") -> Path:
    """Return the folder or file of a language: `swh`, `sw-KE`, `swh_Latn`, `sw_train.tsv` or `swh.csv` for Swahili.

    Args:
        folder: Folder with the data of several languages.
        language: The language.
        kind: Kind of task, which decides what files of data are called.

    Raises:
        UsageError: The folder is missing, or holds none or more than one for the language.
    """
    if not folder.is_dir():
        raise UsageError(f"--data {folder}: no such folder; give one that holds a folder or file for each language")
    found = [path for path in sorted(folder.iterdir()) if _language_of(path, kind) == language]
    if not found:
        raise UsageError(
            f"--data {folder}: it holds nothing for {named(language)}; give it one folder or file named after the "
            "language"
        )
    if len(found) > 1:
        names, which = ", ".join(path.name for path in found), " or ".join(path.name for path in found)
        raise UsageError(
            f"--data {folder}: it holds {names} for {named(language)}. Which one? Give a folder with only {which} "
            "beside the other languages"
        )
    return found[0]


def _language_of(path: Path, kind: TaskKind) -> LanguageCode | None:
    suffix = suffix_of(path)
    # Beside data, a file of plain text is more often about them; it is read where it is named itself.
    if path.is_file() and (suffix not in readers(kind) or (suffix == ".txt" and kind != "tagging")):
        return None
    for tag in (stem_of(path), _END_OF_TAG.split(path.name)[0]):
        try:
            return normalise(tag)
        except UsageError:
            continue
    return None
