"""The command `mfpt-coord simulate`. Heavy imports stand inside, so that `--help` answers at once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class MethodName(StrEnum):
    """As `experiment.Method`."""

    LOCAL = "local"
    CENTRAL = "central"
    FEDAVG = "fedavg"
    FEDBUFF = "fedbuff"
    MFPT = "mfpt"


def simulate(
    data: Annotated[
        str, typer.Option(help="cldr, or a folder that holds a folder or file for each language.")
    ] = "cldr",
    languages: Annotated[str, typer.Option(help="Languages, separated by commas.")] = "sw,zu,yo,am",
    method: Annotated[
        list[MethodName] | None, typer.Option(help="Repeat it for several; by default local, fedavg and mfpt.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Task: cldr (default), sib200, masakhanews or xnli.")] = None,
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Plan file, instead of --preset.")] = None,
    examples: Annotated[int, typer.Option(min=1, help="Training examples of each language.")] = 50,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each device, on average.")] = 8,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas; each is a run of every method.")] = "0",
    parallel: Annotated[
        bool, typer.Option("--parallel", help="All languages hold translations of the same sentences.")
    ] = False,
    devices: Annotated[int, typer.Option(min=1, help="Devices of each language.")] = 1,
    label_skew: Annotated[
        float, typer.Option(min=1e-3, help="Dirichlet concentration of labels over a language's devices; inf: none.")
    ] = float("inf"),
    held_out: Annotated[str, typer.Option(help="Languages that no device speaks, separated by commas.")] = "",
    spread: Annotated[float, typer.Option(min=0, max=5, help="Standard deviation of the log of speeds.")] = 0.3,
    stragglers: Annotated[float, typer.Option(min=0, max=1, help="Share of devices that are 10 times slower.")] = 0.0,
    dropouts: Annotated[
        float, typer.Option(min=0, max=0.9, help="Probability that a device disappears during a round.")
    ] = 0.0,
    late: Annotated[float, typer.Option(min=0, max=0.9, help="Share of devices that join after three rounds.")] = 0.0,
    distances: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own language distances (CSV); they come first.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    jobs: Annotated[int, typer.Option(min=1, help="Simulations at a time, in processes of their own.")] = 1,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of each; by default all cores.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw accuracies: .png, .svg or .html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")] = False,
) -> None:
    """Simulate a federation on this machine: real training, virtual time, no sockets.

    Methods: local (every device alone), central (all examples in one place, the upper reference), fedavg (synchronous,
    uniform), fedbuff (asynchronous, weights by staleness), mfpt (by staleness and proximity).
    """
    import asyncio
    import sys

    from mfpt_coord import plots
    from mfpt_coord.commands import simulate_report
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_coord.languages.distances import find
    from mfpt_coord.presets import (
        preset_plan,
        read_plan,
    )
    from mfpt_coord.simulate import summary
    from mfpt_coord.simulate.experiment import METHODS, Experiment
    from mfpt_coord.simulate.fleet import Fleet
    from mfpt_coord.simulate.pool import Bench, run_all
    from mfpt_shared.errors import UsageError
    from mfpt_shared.folders import cache_home
    from mfpt_shared.languages import normalise

    if plan is not None and preset is not None:
        raise UsageError("give --preset or --plan, not both")
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds {seeds!r}: give whole numbers, separated by commas") from error
    if plot is not None:
        plots.check(plot)
    wanted = tuple(normalise(tag.strip()) for tag in languages.split(","))
    unseen = tuple(normalise(tag.strip()) for tag in held_out.split(",") if tag.strip())
    base = read_plan(plan) if plan is not None else preset_plan(preset or "cldr")
    methods = [one.value for one in method] if method else ["local", "fedavg", "mfpt"]
    experiments = [
        Experiment(
            plan=base,
            method=one,
            languages=wanted,
            examples=examples,
            rounds=rounds,
            seed=seed,
            devices=devices,
            label_skew=label_skew,
            parallel=parallel,
            held_out=unseen if one not in ("local", "central") else (),
            fleet=Fleet(spread=spread, stragglers=stragglers, dropouts=dropouts, late=late),
        )
        for one in METHODS
        if one in methods
        for seed in numbers
    ]
    custom = read_distances(distances) if distances else {}
    known = asyncio.run(find([*wanted, *unseen], base.aggregation.metrics, custom)) if "mfpt" in methods else custom
    bench = Bench(
        data=data,
        distances=known,
        cache=cache_home(),
        device=device,
        jobs=jobs,
        threads=threads,
    )
    with simulate_report.progress("simulating", sys.stderr) as on_progress:
        outcomes = run_all(experiments, bench, on_progress)
    if plot is not None:
        plots.save(summary.figure(outcomes), plot)
    if as_json:
        typer.echo(summary.as_json(outcomes))
    else:
        simulate_report.show(outcomes)
