"""A text with the places of its lines, so that a field in quotation marks can go on over several of them."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

# Windows programs that write through another layer end lines with `\r\r\n`.
_LINE_FEED: Final = r"\r*\n"
_EITHER: Final = r"\r*\n|\r"
# What ends the first line that is not blank; a line break in quotation marks is part of a cell.
_FIRST_END: Final = re.compile(r'[\s\ufeff]*+(?:[^"\r\n]|"[^"]*")*+(\r*\n|\r)')


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text, counted from 0.

    Attributes:
        text: The whole text.
        starts: Line -> index of its first character.
        ends: Line -> index of the character after its last one, which is where its line end begins.
        line_end: Regular expression of what ends a line.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    line_end: str

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> str:
        return self.text[self.starts[number] : self.ends[number]]

    def ending_at(self, index: int) -> int:
        """Return the line that ends at a character."""
        return bisect_left(self.ends, index)

    def up_to(self, count: int) -> "Lines":
        """Return the first lines alone."""
        if count >= len(self):
            return self
        return Lines(self.text[: self.ends[count - 1]], self.starts[:count], self.ends[:count], self.line_end)


def lines_in(text: str) -> Lines:
    """Find the lines of a text.

    Lines end with line feeds; a carriage return alone ends one only where it ends the first, as on an old Mac.
    """
    first = _FIRST_END.match(text)
    line_end = _EITHER if first is not None and not first[1].endswith("\n") else _LINE_FEED
    starts, ends = [0], []
    for match in re.finditer(line_end, text):
        ends.append(match.start())
        starts.append(match.end())
    ends.append(len(text))
    return Lines(text, tuple(starts), tuple(ends), line_end)
