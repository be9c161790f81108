"""What an accuracy costs in bytes."""

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Outcome, Point, mean
from mfpt_shared.backbones.describe import describe
from mfpt_shared.plan import Plan
from reproduction.setting import Setting
from reproduction.study import Study, percent

_WITHIN = 0.01
# Parameters of multilingual-e5-small: embeddings and twelve layers.
_PARAMETERS = 117_653_760
# On queries and values of each layer.
_LORA_RANK = 8


def communication(setting: Setting) -> Study:
    """Run the study, with the first seed."""
    seed = setting.seeds[0]
    fedavg, mfpt = setting.run(
        "communication",
        [setting.experiment("fedavg", seed, measure_every=1), setting.experiment("mfpt", seed, measure_every=3)],
    )
    update = mfpt.bytes_up / mfpt.updates
    sizes = _sizes(setting.plan, update)
    rows = [(name, f"{size / 1000:,.1f}", f"{size / update:,.0f}", "", "") for name, size in sizes.items()]
    goal = mean(fedavg.accuracy) - _WITHIN
    series = {str(run.method): _curve(run, update) for run in (fedavg, mfpt)}
    for run in (fedavg, mfpt):
        needed = next((megabytes for megabytes, accuracy in series[run.method] if accuracy >= goal), None)
        reached = "never" if needed is None else f"{needed:.2f}"
        rows.append((f"{run.method}, all devices", "", "", percent(mean(run.accuracy)), reached))
    caption = (
        "Bytes that devices send. LoRA and full fine-tuning were not trained: their rows count what one update would "
        f"hold. MB to goal: sent by all devices until within one point of fedavg's final {setting.score}; "
        f"{len(setting.languages)} languages, {setting.examples_text} examples each, {setting.rounds} rounds, "
        f"seed {seed}."
    )
    results = {"bytes_an_update": sizes, "trajectories": series}
    figure = plots.lines(series, "MB sent by all devices", f"test {setting.score}", "Accuracy for bytes")
    columns = ("what is sent", "kB an update", "times ours", setting.score, "MB to goal")
    return Study("communication", caption, columns, tuple(rows), results, figure)


def _sizes(plan: Plan, update: float) -> dict[str, float]:
    """Return what one update holds, in bytes."""
    facts = describe(plan.backbone.uri)
    lora = 2 * 2 * facts.width * _LORA_RANK * facts.layers
    return {
        "prompt and head, 8 bits (mfpt)": update,
        f"LoRA, rank {_LORA_RANK} on queries and values, 32 bits": 4.0 * lora,
        "full fine-tuning, 32 bits": 4.0 * _PARAMETERS,
    }


def _curve(run: Outcome, update: float) -> list[tuple[float, float]]:
    """Return (MB sent by all devices, test accuracy) along the way and at the end."""
    last = Point(run.seconds, run.versions, run.updates, mean(run.accuracy))
    return [(update * point.updates / 1e6, point.accuracy) for point in (*run.trajectory, last)]
