"""The command `mfpt-coord simulate`. It imports what it runs, so that `--help` answers at once."""

import asyncio
import math
import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from mfpt_coord.commands.options import (
    DeviceOption,
    DevicesOption,
    DistancesOption,
    DropoutsOption,
    EngineOption,
    ExamplesOption,
    JobsOption,
    JsonOption,
    LabelColumnOption,
    LabelSkewOption,
    LanguagesOption,
    LateOption,
    MaxTestOption,
    MethodOption,
    PairColumnOption,
    ParallelOption,
    PlotOption,
    PresetOption,
    RoundsOption,
    SeedsOption,
    SimulatedDataOption,
    SimulatedPlanOption,
    SpreadOption,
    StragglersOption,
    TextColumnOption,
    ThreadsOption,
    UnseenOption,
)
from mfpt_coord.simulate.bench import PROCESSES
from mfpt_coord.simulate.experiment import METHODS, Experiment, Method, method_plan
from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.command_line import say_data
from mfpt_shared.device.trainer import ColumnNames
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode, given_language

_USUAL: Final[Sequence[Method]] = ("local", "fedavg", "mfpt")
_FLEET: Final = Fleet()


def simulate(
    # What is simulated: an Experiment for each method and seed.
    data: SimulatedDataOption = "cldr",
    languages: LanguagesOption = "sw,zu,yo,am",
    method: MethodOption = None,
    preset: PresetOption = None,
    plan: SimulatedPlanOption = None,
    examples: ExamplesOption = "50",
    rounds: RoundsOption = 8,
    seeds: SeedsOption = "0",
    parallel: ParallelOption = False,
    devices: DevicesOption = 1,
    label_skew: LabelSkewOption = math.inf,
    unseen: UnseenOption = "",
    max_test: MaxTestOption = None,
    distances: DistancesOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    # How the devices are: a Fleet.
    spread: SpreadOption = _FLEET.spread,
    stragglers: StragglersOption = _FLEET.stragglers,
    dropouts: DropoutsOption = _FLEET.dropouts,
    late: LateOption = _FLEET.late,
    # Where it runs: a Bench.
    device: DeviceOption = "auto",
    jobs: JobsOption = 1,
    threads: ThreadsOption = None,
    engine: EngineOption = PROCESSES,
    # What becomes of the results.
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate federations on this machine: real training, virtual time, no network.

    Methods: local (every device alone), central (all examples in one place, as an upper reference), fedavg
    (synchronous, uniform weights), fedbuff (asynchronous, weights by staleness), fixed (asynchronous, weights by
    staleness and distance), mfpt (asynchronous, weights by staleness and proximity).
    """
    from mfpt_coord import plots
    from mfpt_coord.commands import simulate_report
    from mfpt_coord.commands.example_counts import example_counts
    from mfpt_coord.core.proximity import needs_distances
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_coord.languages.distances import find
    from mfpt_coord.presets import preset_plan, read_plan
    from mfpt_coord.simulate import summary
    from mfpt_coord.simulate.bench import Bench
    from mfpt_coord.simulate.pool import run_all
    from mfpt_shared.folders import cache_home

    if plan is not None and preset is not None:
        raise UsageError("give either --preset or --plan")
    methods, numbers, codes = _methods(method or _USUAL), _whole_numbers(seeds), _codes(languages)
    if plot is not None:
        plots.check(plot)
    base = Experiment(
        plan=read_plan(plan) if plan is not None else preset_plan(preset or "cldr"),
        method="mfpt",
        languages=codes,
        examples=example_counts(examples, codes),
        rounds=rounds,
        devices=devices,
        label_skew=label_skew,
        parallel=parallel,
        unseen=_codes(unseen) if unseen.strip() else (),
        max_test=max_test,
        fleet=Fleet(spread=spread, stragglers=stragglers, dropouts=dropouts, late=late),
    )
    experiments = _series(base, methods, numbers)
    known = read_distances(distances) if distances else {}
    if any(needs_distances(method_plan(one).aggregation) for one in experiments):
        known = asyncio.run(find([*base.languages, *base.unseen], base.plan.aggregation.metrics, known))
    columns = ColumnNames(text=text_column, label=label_column, pair=pair_column)
    bench = Bench(data, known, cache_home(), device, jobs, threads, columns, engine)
    with simulate_report.progress("simulating", sys.stderr) as on_progress:
        outcomes = run_all(experiments, bench, on_progress)
    if plot is not None:
        plots.save(summary.figure(outcomes, base.plan.task), plot)
    if as_json:
        say_data(summary.as_json(outcomes, base.plan.task))
    else:
        simulate_report.show(outcomes, base.plan.task)


def _series(base: Experiment, methods: Sequence[Method], seeds: Sequence[int]) -> list[Experiment]:
    """Return the experiment with every method and every seed."""
    return [
        msgspec.structs.replace(
            base, method=method, seed=seed, unseen=() if method in ("local", "central") else base.unseen
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
    return tuple(given_language(tag.strip()) for tag in tags.split(","))


def _whole_numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds {seeds!r}: give whole numbers, separated by commas") from error
