"""The command `mfpt-coord simulate`. It imports what it runs, so that `--help` answers at once."""

import asyncio
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from mfpt_coord.commands.options import DistancesOption, JsonOption
from mfpt_coord.simulate.experiment import METHODS, Experiment, Method
from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode, normalise

_USUAL: Final[Sequence[Method]] = ("local", "fedavg", "mfpt")
_FLEET: Final = Fleet()
_FLEET_PANEL: Final = "The devices"
_BENCH_PANEL: Final = "This machine"


def simulate(
    # What is simulated: an Experiment for each method and seed.
    data: Annotated[
        str, typer.Option(help="cldr, or a folder that holds a folder or file for each language.")
    ] = "cldr",
    languages: Annotated[str, typer.Option(help="Languages, separated by commas.")] = "sw,zu,yo,am",
    # typer takes a Literal, but not a list of them.
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar=f"[{'|'.join(METHODS)}]",
            help="Method; repeat the option for several. By default local, fedavg and mfpt.",
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Ready-made task: cldr (default), sib200, masakhanews or xnli.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Plan file, instead of --preset.")] = None,
    examples: Annotated[int, typer.Option(min=1, help="Training examples of each language.")] = 50,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each device, on average.")] = 8,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas; each one runs every method once.")] = "0",
    parallel: Annotated[
        bool, typer.Option("--parallel", help="Give all languages translations of the same sentences.")
    ] = False,
    devices: Annotated[int, typer.Option(min=1, help="Devices of each language.")] = 1,
    label_skew: Annotated[
        float,
        typer.Option(
            min=1e-3,
            help="Dirichlet concentration of the labels over a language's devices: small is skewed, inf is even.",
        ),
    ] = math.inf,
    held_out: Annotated[str, typer.Option(help="Languages that no device speaks, separated by commas.")] = "",
    distances: DistancesOption = None,
    # How the devices are: a Fleet.
    spread: Annotated[
        float,
        typer.Option(
            rich_help_panel=_FLEET_PANEL,
            min=0,
            max=5,
            help="Standard deviation of the logarithm of the devices' speeds.",
        ),
    ] = _FLEET.spread,
    stragglers: Annotated[
        float,
        typer.Option(rich_help_panel=_FLEET_PANEL, min=0, max=1, help="Share of devices that are ten times slower."),
    ] = _FLEET.stragglers,
    dropouts: Annotated[
        float,
        typer.Option(
            rich_help_panel=_FLEET_PANEL, min=0, max=0.9, help="Probability that a device disappears during a round."
        ),
    ] = _FLEET.dropouts,
    late: Annotated[
        float,
        typer.Option(
            rich_help_panel=_FLEET_PANEL, min=0, max=0.9, help="Share of devices that join after three rounds."
        ),
    ] = _FLEET.late,
    # Where it runs: a Bench.
    device: Annotated[str, typer.Option(rich_help_panel=_BENCH_PANEL, help="Processor: auto, cpu or cuda.")] = "auto",
    jobs: Annotated[
        int,
        typer.Option(rich_help_panel=_BENCH_PANEL, min=1, help="Simulations at a time, each in a process of its own."),
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(rich_help_panel=_BENCH_PANEL, min=1, help="Threads of each simulation. Default: all cores."),
    ] = None,
    # What becomes of the results.
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the accuracies into a .png, .svg or .html file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate federations on this machine: real training, virtual time, no network.

    Methods: local (every device alone), central (all examples in one place, as an upper reference), fedavg
    (synchronous, uniform weights), fedbuff (asynchronous, weights by staleness), mfpt (asynchronous, weights by
    staleness and proximity).
    """
    from mfpt_coord import plots
    from mfpt_coord.commands import simulate_report
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_coord.languages.distances import find
    from mfpt_coord.presets import preset_plan, read_plan
    from mfpt_coord.simulate import summary
    from mfpt_coord.simulate.pool import Bench, run_all
    from mfpt_shared.folders import cache_home

    if plan is not None and preset is not None:
        raise UsageError("give either --preset or --plan")
    methods, numbers = _methods(method or _USUAL), _whole_numbers(seeds)
    if plot is not None:
        plots.check(plot)
    base = Experiment(
        plan=read_plan(plan) if plan is not None else preset_plan(preset or "cldr"),
        method="mfpt",
        languages=_codes(languages),
        examples=examples,
        rounds=rounds,
        devices=devices,
        label_skew=label_skew,
        parallel=parallel,
        held_out=_codes(held_out) if held_out.strip() else (),
        fleet=Fleet(spread=spread, stragglers=stragglers, dropouts=dropouts, late=late),
    )
    known = read_distances(distances) if distances else {}
    if "mfpt" in methods:
        known = asyncio.run(find([*base.languages, *base.held_out], base.plan.aggregation.metrics, known))
    bench = Bench(data, known, cache_home(), device, jobs, threads)
    with simulate_report.progress("simulating", sys.stderr) as on_progress:
        outcomes = run_all(_series(base, methods, numbers), bench, on_progress)
    if plot is not None:
        plots.save(summary.figure(outcomes), plot)
    if as_json:
        typer.echo(summary.as_json(outcomes))
    else:
        simulate_report.show(outcomes)


def _series(base: Experiment, methods: Sequence[Method], seeds: Sequence[int]) -> list[Experiment]:
    """Return the experiment with every method and every seed."""
    return [
        msgspec.structs.replace(
            base, method=method, seed=seed, held_out=() if method in ("local", "central") else base.held_out
        )
        for method in methods
        for seed in seeds
    ]


def _methods(names: Sequence[str]) -> list[Method]:
    """Return methods by their names, in their usual order."""
    if unknown := set(names).difference(METHODS):
        raise UsageError(f"--method {min(unknown)!r}: give one of {', '.join(METHODS)}")
    return [method for method in METHODS if method in names]


def _codes(tags: str) -> tuple[LanguageCode, ...]:
    return tuple(normalise(tag.strip()) for tag in tags.split(","))


def _whole_numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds {seeds!r}: give whole numbers, separated by commas") from error
