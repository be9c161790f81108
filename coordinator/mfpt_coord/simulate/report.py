"""What simulations came to, for people and for scripts."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import METHODS, Method, Outcome, mean
from mfpt_shared.languages import LanguageCode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without a terminal, a line at every tenth, but not more often than this many seconds.
_LINE_SECONDS = 10.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One method over all seeds; accuracies in 0..1.

    Attributes:
        mean: over languages, then seeds.
        deviation: standard deviation of the seeds' means; 0 for one seed.
        worst: lowest of the languages, each averaged over seeds.
        per_language: averaged over seeds.
        seeds: the means, in the order of the seeds.
    """

    mean: float
    deviation: float
    worst: float
    per_language: dict[LanguageCode, float]
    seeds: list[float]


def summarise(accuracies: Sequence[dict[LanguageCode, float]]) -> Summary:
    """Summarise accuracies by language, one mapping for each seed."""
    per_language = {tag: statistics.mean(one[tag] for one in accuracies) for tag in accuracies[0]}
    seeds = [mean(one) for one in accuracies]
    return Summary(
        mean=statistics.mean(seeds),
        deviation=statistics.stdev(seeds) if len(seeds) > 1 else 0.0,
        worst=min(per_language.values()),
        per_language=per_language,
        seeds=seeds,
    )


def by_method(outcomes: Sequence[Outcome]) -> dict[Method, list[Outcome]]:
    """Group outcomes, methods in their usual order."""
    return {method: found for method in METHODS if (found := [one for one in outcomes if one.method == method])}


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return summaries of the methods and all outcomes as JSON."""
    methods = {method: summarise([one.accuracy for one in found]) for method, found in by_method(outcomes).items()}
    return msgspec.json.encode({"methods": methods, "outcomes": list(outcomes)}).decode()


def show(outcomes: Sequence[Outcome]) -> None:
    """Print a table: a row for each language, a column for each method."""
    groups = by_method(outcomes)
    summaries = {method: summarise([one.accuracy for one in found]) for method, found in groups.items()}
    kept = {
        method: summarise([one.kept for one in found]) for method, found in groups.items() if all(o.kept for o in found)
    }
    columns = [*summaries.items(), *((f"{method} kept", summary) for method, summary in kept.items())]
    table = Table("language", *(name for name, _ in columns), box=box.SIMPLE)
    for tag in next(iter(summaries.values())).per_language:
        table.add_row(tag, *(_percent(summary.per_language[tag]) for _, summary in columns))
    table.add_row("mean", *(_percent(summary.mean) for _, summary in columns), style="bold")
    if len(outcomes) > len(groups):
        table.add_row("± over seeds", *(_percent(summary.deviation) for _, summary in columns))
    for tag in outcomes[-1].held_out:
        zero_shot = [
            f"{_percent(statistics.mean(one.held_out[tag] for one in found))} "
            f"({_percent(statistics.mean(one.shared[tag] for one in found))})"
            if all(tag in one.held_out for one in found)
            else "-"
            for found in groups.values()
        ]
        table.add_row(f"{tag}, held out (und)", *zero_shot, *("-" for _ in kept))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "accuracy on test examples; kept: with the prompt that each device prefers by its validation examples"
    )
    for method, found in groups.items():
        if found[0].updates:
            one = found[0]
            console.print(
                f"{method}: {one.updates} updates in {one.versions} versions, {one.seconds:.0f} virtual seconds, "
                f"{one.bytes_up / one.updates / 1000:.1f} kB an update"
            )


def figure(outcomes: Sequence[Outcome]) -> "Figure":
    """Draw a bar for each language and method."""
    summaries = {method: summarise([one.accuracy for one in found]) for method, found in by_method(outcomes).items()}
    tags = list(next(iter(summaries.values())).per_language)
    series = {str(method): [summary.per_language[tag] for tag in tags] for method, summary in summaries.items()}
    return plots.bars(tags, series, None, "test accuracy", "Accuracy by language")


@contextlib.contextmanager
def progress(what: str, stream: TextIO) -> Iterator[Callable[[float], None]]:
    """Show how much is done: a bar on a terminal, a line now and then elsewhere."""
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        yield _lines(what, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _lines(what: str, console: Console) -> Callable[[float], None]:
    shown, due = 0, 0.0

    def on_progress(share: float) -> None:
        nonlocal shown, due
        if int(10 * share) > shown and time.monotonic() >= due:
            shown, due = int(10 * share), time.monotonic() + _LINE_SECONDS
            console.print(f"{what}: {100 * share:.0f} %")

    return on_progress


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
