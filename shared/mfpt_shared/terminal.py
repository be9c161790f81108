"""The terminal, through rich, for texts of anybody: nothing in them is markup, and nothing moves the terminal.

Commands draw on a `PlainConsole`, and write all else with `say` and `say_data` of `command_line`; ruff forbids the ways
around them (`banned-api` in pyproject.toml).
"""

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType  # noqa: TID251 - here it is made safe
from rich.panel import Panel  # noqa: TID251 - here its title is made safe
from rich.segment import Segment
from rich.text import Text

from mfpt_shared.texts import printable_lines


class PlainConsole(Console):
    """A console on which every text is shown as it is; style comes from `rich.text.Text` and from tables."""

    def __init__(self, file: TextIO | None = None, *, stderr: bool = False, width: int | None = None) -> None:
        """Draw on a stream.

        Args:
            file: Stream; None: a standard stream.
            stderr: Whether that is standard error.
            width: Characters in a line; None: as the terminal says.
        """
        super().__init__(file=file, stderr=stderr, width=width, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See rich.console.Console: what is no order of rich itself is printable."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)


def panel(content: RenderableType, title: str, *, expand: bool = True) -> Panel:
    """Return a frame around a content, with a title on the left, which rich would take for markup."""
    return Panel(content, title=Text(title), title_align="left", expand=expand)
