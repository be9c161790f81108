"""What an accuracy costs in bytes."""

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Method, Point, mean
from mfpt_shared.backbones.describe import describe
from reproduction.setting import Setting
from reproduction.study import Study, percent

_WITHIN = 0.01
# Parameters of multilingual-e5-small: embeddings and twelve layers.
_PARAMETERS = 117_653_760
# On queries and values of each layer.
_LORA_RANK = 8


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
    series: dict[str, list[tuple[float, float]]] = {}
    for run in outcomes:
        last = Point(run.seconds, run.versions, run.updates, mean(run.accuracy))
        points = [(update * point.updates / 1e6, point.accuracy) for point in (*run.trajectory, last)]
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
    caption = (
        "Bytes that devices send. LoRA and full fine-tuning were not trained: their rows count what one update would "
        "hold. MB to goal: sent by all devices until within one point of fedavg's final accuracy; "
        f"{len(setting.languages)} languages, "
        f"{setting.examples_each} examples each, {setting.rounds} rounds, seed {seed}."
    )
    results = {"bytes_an_update": sizes, "trajectories": series}
    figure = plots.lines(series, "MB sent by all devices", "test accuracy", "Accuracy for bytes")
    columns = ("what is sent", "kB an update", "times ours", "accuracy", "MB to goal")
    return Study("communication", caption, columns, tuple(rows), results, figure)
