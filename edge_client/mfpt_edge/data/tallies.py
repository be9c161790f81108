"""How the labels given to words compare with those that are right, word by word or entity by entity."""

from collections.abc import Sequence
from typing import Final

from mfpt_shared.device.trainer import Tally
from mfpt_shared.errors import NotInstalled
from mfpt_shared.plan import Task

UNLABELLED: Final = -1
"""In the place of the label of a word that was given none."""
_OUTSIDE: Final = "O"


def tally_words(task: Task, wanted: Sequence[int], given: Sequence[int]) -> Tally:
    """Compare the labels of a sentence's words by the task's metric.

    Args:
        task: Labels, by which labels are judged.
        wanted: Right label of every word, as an index.
        given: Label that each was given; `UNLABELLED`: none, as the word was cut off, which is wrong.

    Raises:
        NotInstalled: Entities are counted by seqeval, which is not installed.
    """
    if task.metric == "f1":
        return tally_entities(
            [task.labels[label] for label in wanted],
            [_OUTSIDE if label == UNLABELLED else task.labels[label] for label in given],
        )
    right = sum(one == other for one, other in zip(wanted, given, strict=True))
    return Tally(right, len(wanted), len(wanted))


def tally_entities(wanted: Sequence[str], given: Sequence[str]) -> Tally:
    """Compare the entities of a sentence: one is right where its type, first word and last word are.

    Source: CoNLL-2003 shared task, Tjong Kim Sang & De Meulder 2003, section 2.4, as seqeval counts by default.

    Args:
        wanted: Right label of every word: B-, I- or O.
        given: Label that each was given.

    Raises:
        NotInstalled: They are counted by seqeval, which is not installed.
    """
    try:
        from seqeval.metrics.sequence_labeling import get_entities  # noqa: PLC0415 - takes seconds
    except ImportError as error:
        raise NotInstalled("seqeval is not installed, and F1 of entities needs it: pip install seqeval") from error
    right, found = (set(get_entities(list(labels))) for labels in (wanted, given))
    return Tally(len(right & found), len(found), len(right))
