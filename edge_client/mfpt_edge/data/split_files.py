"""Which files of a folder are which split: by their names, in every form that people and tools give them.

- `train.csv`, `val.jsonl`, `Test.tsv`: the name is that of a split.
- `sw_train.tsv`, `sw_swahili-ud-test.conllu`: one word of the name is. Such a file counts where no other has the plain
  name; of several, the one whose name holds the language counts.
- `train-00000-of-00002.parquet` and its siblings, and the files of a folder `train`, are one split together.
- Where a folder has none of these, one of its name `data` is looked into, and a sole file of data is all there is.

What cannot be told is refused with names, and what is not used is named.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, get_args

from mfpt_edge.data.file_names import stem_of, suffix_of
from mfpt_edge.data.readers import readers
from mfpt_edge.data.splits import SPLIT_NAMES, SourceSplit, split_in
from mfpt_edge.data.table import listed
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode, named, normalise
from mfpt_shared.plan import TaskKind

_PART: Final = re.compile(r"(?P<name>.+)-(?P<number>[0-9]{5})-of-(?P<parts>[0-9]{5})(-[0-9a-f]+)?")
_ABOUT: Final = frozenset({"readme", "labels", "license", "licence"})
_PLAIN: Final = frozenset({"train", "dev", "validation", "test"})


class SplitFiles(NamedTuple):
    """The files of a folder.

    Attributes:
        files: Split -> the files that hold it.
        notes: What was guessed about them, and which are not used.
    """

    files: Mapping[SourceSplit, Sequence[Path]]
    notes: tuple[str, ...] = ()


class _Claim(NamedTuple):
    """Files that say they are a split.

    Attributes:
        name: Name without suffix and number.
        shown: Name as messages show it.
        files: One file, or the parts of the split in their order.
        parts: Number of parts that there should be.
    """

    name: str
    shown: str
    files: Sequence[Path]
    parts: int = 1

    @property
    def split(self) -> SourceSplit | None:
        return split_in(self.name)

    @property
    def is_exact(self) -> bool:
        return self.name.casefold() in SPLIT_NAMES

    def is_of(self, language: LanguageCode) -> bool:
        return any(_is_tag(word, language) for word in re.split(r"[^A-Za-z]+", self.name))


def split_files(folder: Path, kind: TaskKind, language: LanguageCode) -> SplitFiles:
    """Return the files of a folder, and which are not used.

    Args:
        folder: A folder.
        kind: Kind of task, which decides what files of data are called.
        language: The language whose files count where there are several.

    Raises:
        DatasetError: No file is to train on, or it cannot be told which.
        OSError: The folder cannot be read.
    """
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~", "__")))
    claims = [*_claims(entries, kind)]
    chosen = {
        split: _only(folder, split, claiming, language)
        for split in get_args(SourceSplit)
        if (claiming := [claim for claim in claims if claim.split == split])
    }
    if not chosen:
        return _unnamed(folder, entries, kind, language)
    if "train" not in chosen:
        raise _no_training_file(folder, entries, kind, language)
    notes = [f"{folder}: {note}" for split, claim in chosen.items() for note in _notes(split, claim)]
    return _found(folder, entries, {split: claim.files for split, claim in chosen.items()}, notes)


def _claims(entries: Sequence[Path], kind: TaskKind) -> Iterator[_Claim]:
    """Find what could be a split: files of data, files in parts, and folders with files of data."""
    parts: dict[tuple[str, str, str], dict[str, Path]] = {}
    for path in entries:
        if path.is_dir():
            if path.name.casefold() in SPLIT_NAMES and (inside := _data_files(path, kind)):
                yield _Claim(path.name, path.name, inside, len(inside))
            continue
        if not _is_data(path, kind):
            continue
        if part := _PART.fullmatch(stem_of(path)):
            numbered = parts.setdefault((part["name"], part["parts"], suffix_of(path)), {})
            if numbered.setdefault(part["number"], path) != path:
                raise DatasetError(
                    f"{path.parent}: both {numbered[part['number']].name} and {path.name} claim to be the same part: "
                    "keep one"
                )
        else:
            yield _Claim(stem_of(path), path.name, [path])
    for (name, number, _), numbered in parts.items():
        files = [*numbered.values()]
        yield _Claim(name, files[0].name, files, int(number))


def _data_files(folder: Path, kind: TaskKind) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if _is_data(path, kind))
    formats = sorted({suffix_of(path) for path in files})
    if len(formats) > 1:
        raise DatasetError(f"{folder} holds files of more than one format ({', '.join(formats)}): keep those of one")
    return files


def _is_data(path: Path, kind: TaskKind) -> bool:
    """Whether a file is one of data; so is a link that leads nowhere, so that it is named when it is read."""
    return not path.is_dir() and suffix_of(path) in readers(kind)


def _only(folder: Path, split: SourceSplit, claims: Sequence[_Claim], language: LanguageCode) -> _Claim:
    """Return the claim that counts: a plain name, one that is not `.txt`, and one with the language in it.

    Treebanks have the plain text of each split beside it, as `.txt`.
    """
    best = [claim for claim in claims if claim.is_exact] or claims
    best = [claim for claim in best if suffix_of(claim.files[0]) != ".txt"] or best
    if len(best) > 1:
        best = [claim for claim in best if claim.is_of(language)] or best
    if len(best) == 1:
        return best[0]
    more = f" and {len(best) - 2} more" if len(best) > 2 else ""
    raise DatasetError(
        f"{folder}: both {best[0].shown} and {best[1].shown}{more} claim to be the {split} split: keep one, or put "
        f"those that belong together into a folder {split}"
    )


def _unnamed(folder: Path, entries: Sequence[Path], kind: TaskKind, language: LanguageCode) -> SplitFiles:
    """Find data where no name says a split."""
    inner = folder / "data"
    if inner in entries and inner.is_dir():
        found = split_files(inner, kind, language)
        return _found(folder, [path for path in entries if path != inner], found.files, found.notes)
    files = [path for path in entries if _is_data(path, kind) and stem_of(path).casefold() not in _ABOUT]
    files = [path for path in files if suffix_of(path) != ".txt"] or files
    if len(files) != 1:
        raise _no_training_file(folder, entries, kind, language)
    return _found(
        folder, entries, {"train": files}, [f"{folder}: {listed([files[0].name])} read, the only file of data"]
    )


def _found(
    folder: Path, entries: Sequence[Path], files: Mapping[SourceSplit, Sequence[Path]], notes: Sequence[str]
) -> SplitFiles:
    """Name also what is not used."""
    used = {path for of in files.values() for file in of for path in (file, file.parent)}
    unused = [path.name for path in entries if path not in used]
    return SplitFiles(files, (*notes, f"{folder}: not used: {listed(unused)}") if unused else tuple(notes))


def _no_training_file(folder: Path, entries: Sequence[Path], kind: TaskKind, language: LanguageCode) -> DatasetError:
    names = listed([path.name for path in entries]) or "no file"
    said = f"{folder} has no training file (train{', train'.join(readers(kind))}); it holds {names}"
    own = [path for path in entries if path.is_dir() and _is_tag(path.name.partition("_")[0], language)]
    if not own:
        return DatasetError(f"{said}: let the name of one say that it is to train on, or give a file itself")
    if len(own) > 1:
        return DatasetError(f"{said}. Which one? {named(language)} is in {' or '.join(map(str, own))}")
    return DatasetError(f"{said}: give {own[0]}, which is named after the language")


def _notes(split: SourceSplit, claim: _Claim) -> Iterator[str]:
    """Say what was guessed about a split."""
    if len(claim.files) > 1:
        yield f"{listed([claim.shown])} and {len(claim.files) - 1} more files joined as the {split} split"
    elif claim.name.casefold() not in _PLAIN:
        yield f"{listed([claim.shown])} read as the {split} split"
    if len(claim.files) < claim.parts:
        yield f"{listed([claim.shown])}: {len(claim.files)} of {claim.parts} parts are here"


def _is_tag(word: str, language: LanguageCode) -> bool:
    try:
        return normalise(word) == language
    except UsageError:
        return False
