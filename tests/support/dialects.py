"""Tables written in every dialect that programs and people write, some rows of them damaged: the writer keeps count."""

import codecs
import csv
import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

LABELS = ("health", "sports", "siasa", "éducation")
HEADERS = (("text", "label"), ("label", "text"), ("index_id", "text", "label"), ("text", "label", "note"))
_MARKS = {"utf-8-sig": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
_QUOTING = {"some": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL}


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        quoting: `some` cells, where they need it; `all`; or `none`, and then no cell needs it.
        blank: Blank lines before the names of the columns.
        named: Whether a line `sep=;` comes first.
        trimmed: Whether an empty last cell is left out, with the separator before it.
    """

    separator: str
    quoting: str
    line_end: str
    encoding: str
    blank: int
    named: bool
    trimmed: bool
    suffix: str
    packed: bool

    def line(self, cells: Sequence[str]) -> str:
        """Write a row, without its line end."""
        kept = cells[:-1] if self.trimmed and not cells[-1] else cells
        if self.quoting == "none":
            return self.separator.join(kept)
        file = io.StringIO(newline="")
        csv.writer(file, delimiter=self.separator, quoting=_QUOTING[self.quoting]).writerow(kept)  # type: ignore[arg-type]  # the stub knows only literals
        return file.getvalue().removesuffix("\r\n")

    def write(self, folder: Path, header: Sequence[str], lines: Sequence[str]) -> Path:
        """Write a file; halves of surrogate pairs among its lines are bytes that are not UTF-8."""
        first = [""] * self.blank + [f"sep={self.separator}"] * self.named
        text = self.line_end.join([*first, self.separator.join(header), *lines, ""])
        narrow = self.encoding.startswith("utf-8")
        data = text.encode("utf-8", "surrogateescape") if narrow else text.encode(self.encoding)
        data = _MARKS.get(self.encoding, b"") + data
        file = folder / f"data{self.suffix}{'.gz' if self.packed else ''}"
        file.write_bytes(gzip.compress(data, 1) if self.packed else data)
        return file


DIALECTS = st.builds(
    Dialect,
    separator=st.sampled_from(",;\t|"),
    quoting=st.sampled_from(["some", "all", "none"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]),
    blank=st.integers(0, 2),
    named=st.booleans(),
    trimmed=st.booleans(),
    suffix=st.sampled_from([".csv", ".tsv", ".txt", ".CSV", ".tab"]),
    packed=st.booleans(),
)

_LETTERS = st.text(st.characters(categories=["L", "M"], codec="utf-16"), max_size=3)
_WITHIN_A_LINE = [" ", ", ", "; ", "|", "\t", ' "', '" ', '""', "'", "\u2028"]
_LINE_BREAKS = ["\n", "\r\n", "\n\n"]
_LINE = st.lists(st.tuples(_LETTERS, st.sampled_from(_WITHIN_A_LINE)), min_size=1, max_size=5)
_LINES = st.lists(st.tuples(_LETTERS, st.sampled_from(_WITHIN_A_LINE + _LINE_BREAKS)), min_size=1, max_size=5)


def _sentence(number: int, parts: Sequence[tuple[str, str]], dialect: Dialect) -> str:
    """Join words, no two of which are alike, so that no piece of a text can be taken for a label."""
    text = "".join(f"{word}{number}x{at}{between}" for at, (word, between) in enumerate(parts))
    if dialect.quoting != "none":
        return text
    return text.translate({ord(one): "_" for one in f'"\r\n{dialect.separator}'})


@dataclass(frozen=True)
class Written:
    """A table, and what the writer knows of it.

    Attributes:
        rows: The cells of every row.
        lines: Every row as it is written.
        damaged: Row -> what was done to it.
    """

    dialect: Dialect
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    lines: list[str]
    damaged: Mapping[int, str] = field(default_factory=dict)

    @property
    def whole(self) -> list[tuple[str, ...]]:
        """The rows that nothing was done to."""
        return [row for number, row in enumerate(self.rows) if number not in self.damaged]


@st.composite
def tables(draw: st.DrawFn) -> Written:
    """Draw a table that is not damaged; its first rows are of one line each, and show what labels there are."""
    dialect, header = draw(DIALECTS), draw(st.sampled_from(HEADERS))
    texts = draw(st.lists(_LINE, min_size=8, max_size=12)) + draw(st.lists(_LINES, max_size=8))
    rows = []
    for number, parts in enumerate(texts):
        cells = {
            "text": _sentence(number, parts, dialect),
            "label": LABELS[draw(st.integers(0, 3)) if number > 7 else number % 4],
            "index_id": str(number),
            "note": draw(st.sampled_from(["", "sawa"])),
        }
        rows.append(tuple(cells[name] for name in header))
    return Written(dialect, header, rows, [dialect.line(row) for row in rows])


def _opened(line: str, _separator: str) -> str:
    return f'"{line}'


def _cut_byte(line: str, _separator: str) -> str:
    return f"\udce9{line}"


def _nul(line: str, _separator: str) -> str:
    return f"\0{line}"


def _crowded(line: str, separator: str) -> str:
    return f"{line}{separator}a{separator}b{separator}c"


def _quote_within(line: str, _separator: str) -> str:
    return f'{line[:1]}"{line[1:]}'


_DAMAGES: Mapping[str, Callable[[str, str], str]] = {
    "quotation opened": _opened,
    "byte": _cut_byte,
    "NUL": _nul,
    "separators": _crowded,
    "quotation mark within": _quote_within,
}


@st.composite
def damaged_tables(draw: st.DrawFn) -> Written:
    """Draw a table some rows of which, each written in one line, are damaged."""
    table = draw(tables())
    plain = [at for at, line in enumerate(table.lines) if not set('"\r\n') & set(line)]
    chosen = draw(st.lists(st.sampled_from(plain), unique=True, max_size=3)) if plain else []
    wide = table.dialect.encoding.startswith("utf-16")
    kinds = [name for name in _DAMAGES if not (wide and name == "byte")]
    damaged = {at: draw(st.sampled_from(kinds)) for at in chosen}
    lines = [
        _DAMAGES[damaged[at]](line, table.dialect.separator) if at in damaged else line
        for at, line in enumerate(table.lines)
    ]
    return Written(table.dialect, table.header, table.rows, lines, damaged)
