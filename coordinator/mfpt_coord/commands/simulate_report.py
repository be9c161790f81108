"""What `mfpt-coord simulate` shows in a terminal: progress while it runs, a table at the end."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TextIO

from rich import box
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from mfpt_coord.simulate.experiment import Outcome
from mfpt_coord.simulate.summary import by_method, score_name, summarise
from mfpt_shared.plan import Task
from mfpt_shared.terminal import PlainConsole

# Without a terminal: a line for every tenth, but at most one in this many seconds.
_LINE_SECONDS: Final = 10.0


def show(outcomes: Sequence[Outcome], task: Task) -> None:
    """Print a table with a row for each language and a column for each method."""
    groups = by_method(outcomes)
    summaries = {method: summarise([one.accuracy for one in found]) for method, found in groups.items()}
    used = {
        method: summarise([one.used for one in found]) for method, found in groups.items() if all(o.used for o in found)
    }
    columns = [*summaries.items(), *((f"{method} used", summary) for method, summary in used.items())]
    table = Table("language", *(name for name, _ in columns), box=box.SIMPLE)
    for tag in next(iter(summaries.values())).per_language:
        table.add_row(tag, *(_percent(summary.per_language[tag]) for _, summary in columns))
    table.add_row("mean", *(_percent(summary.mean) for _, summary in columns), style="bold")
    if len(outcomes) > len(groups):
        table.add_row("± over seeds", *(_percent(summary.deviation) for _, summary in columns))
    for tag in outcomes[-1].unseen:
        zero_shot = [
            f"{_percent(statistics.mean(one.unseen[tag] for one in found))} "
            f"({_percent(statistics.mean(one.shared[tag] for one in found))})"
            if all(tag in one.unseen for one in found)
            else "-"
            for found in groups.values()
        ]
        table.add_row(f"{tag}, unseen (und)", *zero_shot, *("-" for _ in used))
    console = PlainConsole()
    console.print(table)
    score = score_name(task)
    console.print(f"{score[0].upper()}{score[1:]} in % on test examples; used: with the prompts that devices use.")
    for method, found in groups.items():
        if found[0].updates:
            one = found[0]
            console.print(
                f"{method}: {one.updates} updates in {one.versions} versions, {one.seconds:.0f} virtual seconds, "
                f"{one.bytes_up / one.updates / 1000:.1f} kB an update"
            )


@contextlib.contextmanager
def progress(what: str, stream: TextIO) -> Iterator[Callable[[float], None]]:
    """Show progress: as a bar on a terminal, elsewhere as a line now and then."""
    console = PlainConsole(stream)
    if not console.is_terminal:
        yield _lines(what, console)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _lines(what: str, console: PlainConsole) -> Callable[[float], None]:
    shown, due = 0, 0.0

    def on_progress(share: float) -> None:
        nonlocal shown, due
        if int(10 * share) > shown and time.monotonic() >= due:
            shown, due = int(10 * share), time.monotonic() + _LINE_SECONDS
            console.print(f"{what}: {100 * share:.0f} %")

    return on_progress


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
