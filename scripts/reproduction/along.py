"""Studies along the way: accuracy against virtual time, and against bytes."""

import math
from collections.abc import Sequence

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Method, Outcome, Point, mean
from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.backbones.describe import describe
from reproduction.setting import Setting
from reproduction.study import Study, percent

_STRAGGLERS = 0.1
_WITHIN = 0.01
# Of multilingual-e5-small: embeddings and twelve layers; and rank 8 on queries and values of each layer.
_PARAMETERS = 117_653_760
_LORA_RANK = 8


def asynchronous(setting: Setting) -> Study:
    """How long until the accuracy that synchronous rounds end with, when some devices are ten times slower."""
    methods: tuple[Method, ...] = ("fedavg", "fedbuff", "mfpt")
    experiments = [
        setting.experiment(
            method,
            seed,
            fleet=Fleet(stragglers=_STRAGGLERS),
            # Devices that wait for nobody get more done: twice as much still takes less than half of the time.
            rounds=setting.rounds if method == "fedavg" else 2 * setting.rounds,
            measure_every=1 if method == "fedavg" else 4,
        )
        for seed in setting.seeds
        for method in methods
    ]
    outcomes = setting.run("async", experiments)
    rows, results = [], []
    for at in range(0, len(outcomes), len(methods)):
        runs = outcomes[at : at + len(methods)]
        goal = mean(runs[0].accuracy) - _WITHIN
        for run in runs:
            reached = _reached(run, goal)
            share = reached / runs[0].seconds
            results.append(
                {
                    "method": run.method,
                    "seed": run.seed,
                    "accuracy": mean(run.accuracy),
                    "seconds": run.seconds,
                    "reaches_goal_after": None if math.isinf(reached) else reached,
                    "share_of_synchronous_time": None if math.isinf(share) else share,
                    "trajectory": [[point.seconds, point.accuracy] for point in run.trajectory],
                }
            )
            rows.append(
                (
                    *(run.method, str(run.seed), percent(mean(run.accuracy)), f"{run.seconds:.0f}", str(run.updates)),
                    "never" if math.isinf(reached) else f"{reached:.0f}",
                    "-" if math.isinf(share) else f"{share:.2f}",
                )
            )
    caption = (
        f"{100 * _STRAGGLERS:.0f} % of the devices are 10 times slower, the others spread by a lognormal of 0.3; time "
        "is virtual. Goal: within one point of what fedavg, which waits for all, ends with; share: of fedavg's time. "
        f"{len(setting.languages)} languages, {setting.examples or 35} examples each; fedavg {setting.rounds} rounds, "
        f"the others, which wait for nobody, as many updates as {2 * setting.rounds} rounds have."
    )
    figure = plots.lines(
        {str(run.method): _curve(run) for run in outcomes[: len(methods)]},
        "virtual seconds",
        "test accuracy",
        f"With {100 * _STRAGGLERS:.0f} % stragglers",
    )
    columns = ("method", "seed", "final accuracy", "seconds", "updates", "seconds to goal", "share")
    return Study("async", caption, columns, tuple(rows), {"runs": results}, figure)


def communication(setting: Setting) -> Study:
    """What an accuracy costs in bytes sent by the devices."""
    methods: tuple[Method, ...] = ("fedavg", "mfpt")
    seed = setting.seeds[0]
    outcomes = setting.run(
        "communication",
        [setting.experiment(method, seed, measure_every=1 if method == "fedavg" else 3) for method in methods],
    )
    plan = setting.plan
    facts = describe(plan.backbone.uri)
    lora = 2 * 2 * facts.width * _LORA_RANK * facts.layers
    update = outcomes[1].bytes_up / outcomes[1].updates
    sizes = {
        "prompt and head, 8 bits (mfpt)": update,
        f"LoRA, rank {_LORA_RANK} on queries and values, 32 bits": 4.0 * lora,
        "full fine-tuning, 32 bits": 4.0 * _PARAMETERS,
    }
    rows = [(name, f"{size / 1000:,.1f}", f"{size / update:,.0f}", "", "") for name, size in sizes.items()]
    results: dict[str, object] = {"bytes_an_update": sizes, "trajectories": {}}
    series: dict[str, list[tuple[float, float]]] = {}
    for run in outcomes:
        points = [(update * point.updates / 1e6, point.accuracy) for point in _points(run)]
        series[run.method] = points
        goal = mean(outcomes[0].accuracy) - _WITHIN
        needed = next((megabytes for megabytes, accuracy in points if accuracy >= goal), None)
        rows.append(
            (
                f"{run.method}, all devices",
                "",
                "",
                percent(mean(run.accuracy)),
                "never" if needed is None else f"{needed:.2f}",
            )
        )
        results["trajectories"][run.method] = points  # type: ignore[index]
    caption = (
        "Bytes that devices send. The two other ways are counted, not trained: what one update would hold. MB to goal: "
        f"all devices together, until within one point of fedavg's last accuracy; {len(setting.languages)} languages, "
        f"{setting.examples or 35} examples each, {setting.rounds} rounds, seed {seed}."
    )
    figure = plots.lines(series, "MB sent by all devices", "test accuracy", "Accuracy for bytes")
    columns = ("what is sent", "kB an update", "times ours", "accuracy", "MB to goal")
    return Study("communication", caption, columns, tuple(rows), results, figure)


def _points(run: Outcome) -> Sequence[Point]:
    return (*run.trajectory, Point(run.seconds, run.versions, run.updates, mean(run.accuracy)))


def _curve(run: Outcome) -> list[tuple[float, float]]:
    return [(point.seconds, point.accuracy) for point in _points(run)]


def _reached(run: Outcome, goal: float) -> float:
    """Return when a run first reached an accuracy (virtual seconds); infinity for never."""
    return next((point.seconds for point in _points(run) if point.accuracy >= goal), math.inf)
