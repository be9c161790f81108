"""Reader of tagged text: one word a line with its tag, a blank line between sentences, and CoNLL-U.

The word is the first column and the tag the last one. Columns stand between tabs where most lines hold one, so that a
word may hold spaces; else between white space. In CoNLL-U the tag is UPOS, and the lines of multi-word tokens and of
empty nodes, which carry none, are left out.

A sentence that breaks the format is one record without cells, whose row is the line on which it begins.

Sources: CoNLL-2003, Tjong Kim Sang and De Meulder; CoNLL-U, https://universaldependencies.org/format.html.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mfpt_edge.data.table import Record, Table
from mfpt_edge.data.visible import trimmed
from mfpt_shared.errors import DatasetError
from mfpt_shared.text_files import read_text_file, unreadable

MAX_WORDS: Final = 1000
"""The longest sentence; a file without blank lines would be a single one, which no device could train on."""

CONLL_SUFFIXES: Final = frozenset({".conll", ".conllu"})
"""Names that end in one of these are of CoNLL files, wherever words are labelled."""

DOCUMENT: Final = "-DOCSTART-"
"""What a line begins with that marks a new document, and is no word."""
_HEADERS: Final = frozenset({"word", "words", "token", "tokens", "form", "text"})
_WHITE_SPACE: Final = re.compile(r"[ \t]+")
_TABS: Final = re.compile(r"\t+")
# Windows programs that write through another layer end lines with `\r\r\n`.
_LINE_END: Final = re.compile(r"\r*\n|\r")
_HASHTAG: Final = re.compile(r"#\w+")

UNIVERSAL_WIDTH: Final = 10
"""Number of columns of CoNLL-U: number, form, lemma, UPOS, XPOS and five more."""
NO_WORD_OF_ITS_OWN: Final = re.compile(r"\d+[-.]\d+")
"""Number of a multi-word token or of an empty node in CoNLL-U."""
FORM: Final = 1
"""Index of the column of CoNLL-U that holds the word."""
_UPOS, _XPOS = 3, 4
_NUMBER: Final = re.compile(r"\d+")


def read_conll(path: Path) -> Table:
    """Read sentences of tagged words, as columns `tokens` and `tags`, or `upos` and `xpos` where it is CoNLL-U.

    Raises:
        DatasetError: No line of the file has a word and a tag.
        OSError: The file cannot be opened.
    """
    text, notes = read_text_file(path)
    lines = _LINE_END.split(text)
    dialect = _dialect(lines)
    if dialect is None:
        raise DatasetError(f"{path} is not tagged text: a line must hold one word and its tag, with a tab between")
    columns = ("tokens", "upos", "xpos") if dialect.universal else ("tokens", "tags")
    return Table(str(path), columns, list(_records(lines, dialect)), notes)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How the lines of a file are written.

    Attributes:
        separator: What stands between columns.
        width: Number of columns.
        universal: Whether it is CoNLL-U.
        tags: What stands in the last column of lines after the first that do not begin with `#`.
    """

    separator: re.Pattern[str]
    width: int
    universal: bool = False
    tags: frozenset[str] = frozenset()

    def fields(self, line: str) -> list[str]:
        """Return the columns of a line; none of a blank one."""
        if not trimmed(line):
            return []
        inner = line if self.separator is _TABS else line.strip(" \t")
        first, *others = [trimmed(one) for one in self.separator.split(inner)]
        return [first, *filter(None, others)]

    def is_comment(self, line: str, fields: Sequence[str], inside: bool) -> bool:
        """Whether a line is a comment rather than a word such as `#`; `inside` a sentence, one needs a space."""
        if not line.startswith("#"):
            return False
        if self.universal:
            return not inside or line.startswith("# ")
        if len(fields) == self.width and fields[-1] in self.tags:
            return False
        # A hashtag alone in its line lacks its label.
        return line.startswith("# ") or not (inside or _HASHTAG.fullmatch(line.strip()))

    def names_columns(self, fields: Sequence[str]) -> bool:
        """Whether a line names the columns, rather than being the first word."""
        return fields[0].casefold() in _HEADERS and fields[-1] not in self.tags


@dataclass(slots=True)
class _Sentence:
    """The lines of a sentence, as far as they are read."""

    row: int
    lines: list[list[str]] = field(default_factory=list)
    fault: str | None = None

    def add(self, fields: list[str], dialect: _Dialect) -> None:
        """Take in a line."""
        if self.fault is not None:
            return
        if fault := unreadable("".join(fields)):
            self.fault = fault
        elif not fields[0] or (len(fields) == 1 and fields[0] in dialect.tags):
            self.fault = "empty word"
        elif len(fields) == 1:
            self.fault = "word without a tag"
        elif len(fields) != dialect.width:
            self.fault = "line with too few or too many columns"
        elif len(self.lines) == MAX_WORDS:
            self.fault = f"more than {MAX_WORDS} words without a blank line"
        else:
            self.lines.append(fields)

    def record(self, dialect: _Dialect) -> Record:
        """Return the sentence as words and tags."""
        if self.fault is not None:
            return Record(self.row, None, self.fault)
        if not dialect.universal:
            return Record(self.row, {"tokens": [one[0] for one in self.lines], "tags": [one[-1] for one in self.lines]})
        tags = {
            name: ["" if one[column] == "_" else one[column] for one in self.lines]
            for name, column in (("upos", _UPOS), ("xpos", _XPOS))
        }
        return Record(self.row, {"tokens": [one[FORM] for one in self.lines], **tags})


def _records(lines: Sequence[str], dialect: _Dialect) -> Iterator[Record]:
    sentence: _Sentence | None = None
    for number, line in enumerate(lines, start=1):
        fields = dialect.fields(line)
        if not fields or fields[0].startswith(DOCUMENT):
            if sentence is not None:
                yield sentence.record(dialect)
            sentence = None
        elif not _carries_no_word(line, fields, dialect, number, sentence is not None):
            sentence = sentence or _Sentence(number)
            sentence.add(fields, dialect)
    if sentence is not None:
        yield sentence.record(dialect)


def _carries_no_word(line: str, fields: list[str], dialect: _Dialect, number: int, inside: bool) -> bool:
    """Whether a line is a comment, the names of the columns, or one of CoNLL-U that stands for no word."""
    if dialect.universal and NO_WORD_OF_ITS_OWN.fullmatch(fields[0]):
        return True
    return dialect.is_comment(line, fields, inside) or (number == 1 and dialect.names_columns(fields))


def _dialect(lines: Sequence[str]) -> _Dialect | None:
    """Recognise how most lines are written; None where most hold no tag."""
    telling = [line for line in lines if trimmed(line) and not line.startswith(("#", DOCUMENT))]
    tabs = sum("\t" in line for line in telling)
    separator = _TABS if 2 * tabs > len(telling) else _WHITE_SPACE
    split = _Dialect(separator, 0).fields
    widths = Counter(len(split(line)) for line in telling)
    width = max(widths, key=lambda one: (widths[one], one), default=0)
    if width < 2:
        return None
    ends = Counter((bool(_NUMBER.fullmatch(row[0])), row[-1]) for row in map(split, telling[1:]) if len(row) == width)
    numbered = sum(count for (number, _), count in ends.items() if number)
    universal = width == UNIVERSAL_WIDTH and 2 * numbered > ends.total()
    return _Dialect(separator, width, universal, frozenset(tag for _, tag in ends))
