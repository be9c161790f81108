"""Sentences whose words are to be labelled: one sentence a line, or one word a line as in CoNLL and CoNLL-U."""

import re
from collections.abc import Container, Sequence
from typing import Final

from mfpt_edge.data.conll import DOCUMENT, FORM, NO_WORD_OF_ITS_OWN, UNIVERSAL_WIDTH
from mfpt_edge.data.visible import trimmed
from mfpt_edge.data.words import words_of

NO_LABEL: Final = "_"
"""What stands in the place of a label that is not there."""
_NUMBER: Final = re.compile(r"\d+")
_TAG: Final = re.compile(r"[A-Z_][A-Z0-9_:|=+-]*")
# As many lines as can hardly be alike by chance.
_TELLING: Final = 4


def unlabelled_sentences(lines: Sequence[str], labels: Container[str], *, conll: bool = False) -> list[tuple[str, ...]]:
    """Return the words of every sentence: where each line is one, none for a blank line; in CoNLL, blanks are between.

    Lines are CoNLL where each holds one word, or ends in a label or `_`, or is of CoNLL-U; and where sentences have
    blank lines between them, or at least one line has more than a word. All else is one sentence a line.

    Args:
        lines: Lines of a file, blank ones included.
        labels: The plan's labels.
        conll: Whether they are known to be CoNLL, as by the name of their file: then labels may be any.
    """
    rows = [_columns(line) for line in lines]
    if not conll and not _are_conll(rows, labels):
        return [words_of(line) for line in lines]
    found: list[tuple[str, ...]] = []
    sentence: list[str] = []
    for row in [*rows, []]:
        if row and (word := _word(row)):
            sentence.append(word)
        elif not row and sentence:
            found.append(tuple(sentence))
            sentence = []
    return found


def are_tagged_words(lines: Sequence[str]) -> bool:
    """Tell whether lines are surely CoNLL or CoNLL-U: each ends in what looks like a label, and labels come back."""
    rows = [row for line in lines if (row := _columns(line))]
    if len(rows) < _TELLING or len({len(row) for row in rows}) > 1 or len(rows[0]) < 2:
        return False
    tags = {row[-1] for row in rows}
    return all(map(_is_universal, rows)) or (all(map(_TAG.fullmatch, tags)) and len(tags) <= len(rows) / 2)


def _columns(line: str) -> list[str]:
    """Return the columns of a line, as words and labels stand in it; none of a blank one, a comment or a mark."""
    text = trimmed(line)
    if not text or text.startswith(("# ", DOCUMENT)):
        return []
    return [trimmed(column) for column in (text.split("\t") if "\t" in text else text.split())]


def _are_conll(rows: Sequence[Sequence[str]], labels: Container[str]) -> bool:
    full = [row for row in rows if row]
    between = any(not row for row in rows[: max((at for at, row in enumerate(rows) if row), default=0)])
    return (between or any(len(row) > 1 for row in full)) and all(
        len(row) == 1 or row[-1] == NO_LABEL or row[-1] in labels or _is_universal(row) for row in full
    )


def _is_universal(row: Sequence[str]) -> bool:
    return len(row) == UNIVERSAL_WIDTH and bool(_NUMBER.match(row[0]))


def _word(row: Sequence[str]) -> str | None:
    """Return the word of a line; None: it is the line of several words, or of none, in CoNLL-U."""
    if not _is_universal(row):
        return row[0]
    return None if NO_WORD_OF_ITS_OWN.fullmatch(row[0]) else row[FORM]
