"""What a study comes to: a table for people, JSON for scripts, and a figure."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from machine import machine
from mfpt_coord import plots
from mfpt_shared.terminal import PlainConsole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Study:
    """A finished study.

    Attributes:
        name: Name of its files.
        caption: Description of what was done, with all that one must know to read the table.
        columns: Names of the table's columns.
        rows: The table's cells, as text.
        results: Values that `--json` prints.
        figure: Figure for the SVG, or None.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    results: dict[str, Any]
    figure: "Figure | None"


def show(study: Study) -> None:
    """Print the table and its caption."""
    console = PlainConsole()
    console.print(table(study))
    console.print(study.caption)


def table(study: Study) -> Table:
    """Return the table for a terminal."""
    shown = Table(*study.columns, box=box.SIMPLE, collapse_padding=True, pad_edge=False)
    for row in study.rows:
        shown.add_row(*row)
    return shown


def write(study: Study, folder: Path, seconds: float, *, reused: int = 0) -> list[Path]:
    """Write JSON, table and figure, and return their paths.

    Args:
        study: Study to write.
        folder: Folder for the files, made if need be.
        seconds: Seconds that the study took.
        reused: Number of runs that were kept from an earlier time, and are not part of these seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{study.name}.json", folder / f"{study.name}.md"]
    facts = {"seconds": round(seconds), "reused_runs": reused, "machine": machine(), "caption": study.caption}
    written[0].write_text(json.dumps({**study.results, **facts}, indent=1) + "\n", encoding="utf-8")
    rule = "|".join("---" for _ in study.columns)
    lines = [f"| {' | '.join(cells)} |" for cells in (study.columns, *study.rows)]
    earlier = f", without the {reused} runs that were kept from an earlier time" if reused else ""
    note = f"{study.caption}\n\n{seconds / 60:.0f} minutes on {machine()}{earlier}.\n"
    written[1].write_text("\n".join([lines[0], f"|{rule}|", *lines[1:], "", note]), encoding="utf-8")
    if study.figure is not None:
        written.append(folder / f"{study.name}.svg")
        plots.save(study.figure, written[-1])
    return written


def percent(share: float) -> str:
    """Return a share for a table."""
    return f"{100 * share:.1f}"
