"""The embedded task as rows: names that CLDR has in many languages, to be told apart or put into English."""

from collections.abc import Mapping
from typing import Final

from mfpt_edge.data.cldr import cldr_examples
from mfpt_edge.data.columns import Row
from mfpt_edge.data.place import Place, SkippedRow
from mfpt_edge.data.splits import SPLITS, SourceSplit, split_of
from mfpt_shared.errors import DatasetError
from mfpt_shared.languages import LanguageCode, normalise
from mfpt_shared.plan import TaskKind

_NOT_EMBEDDED: Final[Mapping[TaskKind, str]] = {"pairs": "pairs of texts", "tagging": "sentences with tagged words"}


def cldr_rows(language: LanguageCode, kind: TaskKind) -> dict[SourceSplit, list[Row | SkippedRow]]:
    """Return the rows of each split: by entity rather than text, so that no language trains on another's test.

    Args:
        language: Language of the names.
        kind: Kind of task; with generation, each name is a prompt for the same name in English.

    Raises:
        DatasetError: The embedded data are nothing for this kind of task, or have no such language.
    """
    if kind in _NOT_EMBEDDED:
        raise DatasetError(f"the embedded data has no {_NOT_EMBEDDED[kind]}: give your own with --data FILE")
    rows: dict[SourceSplit, list[Row | SkippedRow]] = {name: [] for name in SPLITS}
    english = {name.key: name.text for name in cldr_examples(normalise("en"))} if kind == "generation" else {}
    for number, name in enumerate(cldr_examples(language), start=1):
        answer = english.get(name.key) if kind == "generation" else name.label
        if answer is not None:
            rows[split_of(name.key)].append(Row(Place("cldr", number), name.text, answer, name.key))
    return rows
