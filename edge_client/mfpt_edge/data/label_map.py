"""What the owner of a file says its labels mean: a TOML file with `"Siasa" = "politics"`, or answers to questions."""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from mfpt_edge.data.names import comparable_name
from mfpt_edge.data.table import listed
from mfpt_shared.errors import DatasetError
from mfpt_shared.text_files import read_text_file
from mfpt_shared.texts import escaped

LEFT_OUT: Final = ""
"""What stands for a label whose rows are not to be used."""

_ALIKE: Final = 0.6  # of difflib: 1 is the same, 0 has no letter in common


def read_label_map(path: Path) -> dict[str, str]:
    """Read a file that says what labels mean: label of the data -> label of the plan, or `LEFT_OUT`.

    Raises:
        DatasetError: It cannot be read, or is no such file.
    """
    try:
        found = tomllib.loads(read_text_file(path).content)
    except OSError as error:
        raise DatasetError(f"--label-map {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DatasetError(
            f'--label-map {path} is not TOML: {error}\nwrite one line for each label, such as "Siasa" = "politics"'
        ) from error
    odd = [label for label, meant in found.items() if not isinstance(meant, str)]
    if odd:
        raise DatasetError(
            f"--label-map {path}: {listed(odd)} must stand for a label, in quotation marks; write a name with a point "
            "or with spaces in quotation marks, too"
        )
    return found


def meanings(renamed: Mapping[str, str], found: Iterable[str], labels: Sequence[str]) -> dict[str, int | None]:
    """Return label of the data -> index into the plan's labels, or None for one that is left out.

    Args:
        renamed: Label of the data -> label of the plan or `LEFT_OUT`; both are compared by `comparable_name`.
        found: Labels of the data.
        labels: The plan's labels.

    Raises:
        DatasetError: One stands for something that is no label of the plan.
    """
    index_of = {comparable_name(label): index for index, label in enumerate(labels)}
    index_of |= {label: index for index, label in enumerate(labels)}
    meant = {comparable_name(label): name for label, name in renamed.items()} | dict(renamed)
    for label, name in renamed.items():
        if name != LEFT_OUT and name not in index_of and comparable_name(name) not in index_of:
            raise DatasetError(
                f"the label map says {listed([label])} is {listed([name])}, which is no label of the plan"
                f"{_hint(name, labels)}; it has {listed(labels, 20)}"
            )
    names = {label: meant.get(label, meant.get(comparable_name(label))) for label in found}
    return {
        label: None if name == LEFT_OUT else index_of.get(name, index_of.get(comparable_name(name)))
        for label, name in names.items()
        if name is not None
    }


def nearest(label: str, labels: Sequence[str]) -> str | None:
    """Return the label of the plan that is spelt most like another one; None: none is much like it."""
    names = {comparable_name(name): name for name in labels}
    found = difflib.get_close_matches(comparable_name(label), names, n=1, cutoff=_ALIKE)
    return names[found[0]] if found else None


def map_lines(unknown: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Return the lines of a label map to copy, with the likely meaning of each label, or none."""
    return [f"{_quoted(label)} = {_quoted(nearest(label, labels) or LEFT_OUT)}" for label in unknown]


def _hint(name: str, labels: Sequence[str]) -> str:
    likely = nearest(name, labels)
    return f", {listed([likely])} may be meant" if likely else ""


def _quoted(text: str) -> str:
    """Return a text as TOML and JSON both write it, without anything that moves a terminal."""
    return escaped(json.dumps(text, ensure_ascii=False))
