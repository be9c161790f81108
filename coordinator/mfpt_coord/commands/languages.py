"""The command `mfpt-coord languages`. It imports what it runs, so that `--help` answers at once."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from mfpt_coord.commands.options import DistancesOption, JsonOption
from mfpt_shared.command_line import say_data
from mfpt_shared.plan import Aggregation

_DEFAULT = Aggregation()


def languages(
    tags: Annotated[list[str], typer.Argument(metavar="LANGUAGE", help="Languages, such as sw or swh.")],
    metrics: Annotated[
        str | None,
        typer.Option(
            help="URIEL+ distances, separated by commas, or all: genetic, geographic, syntactic, inventory, "
            "phonological, morphological, featural, script. By default the plan's: "
            f"{', '.join(_DEFAULT.metrics)}."
        ),
    ] = None,
    # The plan's fourth, `observed`, follows from updates, and there are none here.
    proximity: Annotated[
        Literal["auto", "fixed", "uniform"], typer.Option(help="How weights follow from distances.")
    ] = "auto",
    temperature: Annotated[
        float, typer.Option(min=1e-3, max=1e9, help="Temperature of --proximity fixed.")
    ] = _DEFAULT.temperature,
    examples: Annotated[
        int, typer.Option(min=1, max=10_000, help="Training examples of each language, for --proximity auto.")
    ] = 100,
    distances: DistancesOption = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw distances and weights into a .png, .svg or .html file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the distances between languages, and how much each counts for the others."""
    from mfpt_coord import plots
    from mfpt_coord.commands import language_table
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_shared.folders import cache_home
    from mfpt_shared.terminal import PlainConsole

    wanted = language_table.parse_languages(tags)
    chosen = language_table.parse_metrics(metrics) if metrics is not None else None
    plan = Aggregation(metrics=chosen or _DEFAULT.metrics, proximity=proximity, temperature=temperature)
    custom = read_distances(distances) if distances else {}
    if plot:
        plots.check(plot)
    known = asyncio.run(language_table.known_distances(wanted, chosen, custom, cache_home()))
    shown = language_table.shown_metrics(wanted, chosen, custom)
    table = language_table.tabulate(wanted, known, shown, examples, plan)
    if plot:
        plots.save(language_table.figure(table), plot)
    if as_json:
        say_data(language_table.as_json(table))
        return
    console = PlainConsole()
    console.print(language_table.render(table, console.width))
