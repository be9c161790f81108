"""How `mfpt-edge doctor` is printed: a line for each check, and the mend below it."""

from collections.abc import Mapping
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mfpt_edge.doctor.examination import Examined, Level
from mfpt_shared.texts import printable

_STYLES: Final[Mapping[Level, str]] = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def doctor_table(examined: Examined) -> RenderableType:
    """Return what was found, in three columns."""
    table = Table.grid(padding=(0, 2))
    for line in examined.lines:
        table.add_row(Text(line.level, _STYLES[line.level]), Text(printable(line.check)), Text(printable(line.found)))
        if line.mend:
            table.add_row("", "", Text(f"-> {printable(line.mend)}", "italic"))
    return table
