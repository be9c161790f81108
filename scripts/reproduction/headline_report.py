"""The table, caption, JSON and figure of the headline."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Outcome
from mfpt_coord.simulate.summary import Summary, summarise
from reproduction.comparison import Accuracies, differences, p_value, paired_test
from reproduction.setting import Setting
from reproduction.study import Study, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES: Final = {
    "local": "local, the plan's settings",
    "local_best": "local, best of a grid",
    "central": "central (all data in one place)",
    "fedavg": "fedavg, synchronous",
    "fedbuff": "fedbuff, staleness",
    "fixed": "fixed, staleness and distance",
    "mfpt": "mfpt, staleness and proximity",
    "mfpt_used": "mfpt, prompt that devices use",
}
_COLUMNS: Final = ("method", "mean", "± seeds", "each seed", "worst language", "gain", "p")
_DRAWN: Final = ("local_best", "fedavg", "mfpt", "central")
_OUTCOME_FIELDS: Final = (
    *("method", "seed", "accuracy", "validation", "validation_loss", "used", "own_share"),
    *("seconds", "versions", "updates", "bytes_up", "bytes_down"),
)


def report(
    setting: Setting, accuracies: Mapping[str, Accuracies], by_seed: Sequence[Sequence[Outcome]], grid: Sequence[str]
) -> Study:
    """Return the study.

    Args:
        setting: Setting of the study.
        accuracies: Row of the table -> accuracies, a mapping for each seed; in the order of the table.
        by_seed: All runs of each seed.
        grid: Description of each point of the rival's grid.
    """
    summaries = {name: summarise(found) for name, found in accuracies.items()}
    rows = tuple(_row(name, summaries[name], found, accuracies["local_best"]) for name, found in accuracies.items())
    held = setting.examples_text.replace(",", "-").replace("=", "-")
    name = f"headline-{setting.name}-{held}" + ("-parallel" if setting.parallel else "")
    return Study(
        name,
        _caption(setting, accuracies, by_seed, grid),
        _COLUMNS,
        rows,
        _results(setting, summaries, by_seed),
        _figure(setting, summaries),
    )


def _row(name: str, summary: Summary, found: Accuracies, rival: Accuracies) -> tuple[str, ...]:
    gains = differences(found, rival)
    against = (f"{100 * sum(gains) / len(gains):+.1f}", p_value(gains)) if name != "local_best" else ("", "")
    seeds = " ".join(percent(seed) for seed in summary.seeds)
    return NAMES[name], percent(summary.mean), percent(summary.deviation), seeds, percent(summary.worst), *against


def _caption(
    setting: Setting, accuracies: Mapping[str, Accuracies], by_seed: Sequence[Sequence[Outcome]], grid: Sequence[str]
) -> str:
    own = [share for runs in by_seed for share in runs[setting.methods.index("mfpt")].own_share.values()]
    gains = differences(accuracies["mfpt"], accuracies["fedavg"])
    kind = "the same sentences in translation" if setting.parallel else "all different sentences"
    return (
        f"Test {setting.score} in %, {len(setting.languages)} languages ({', '.join(setting.languages)}) with "
        f"{setting.examples_text} training examples each, {kind}; {setting.rounds} rounds; {setting.seeds_text}. Gain "
        "and p: against `local, best of a grid`, paired over languages, each averaged over its seeds (randomisation "
        f"test). The grid: {'; '.join(grid)}. Local, and central with the plan's settings, choose their rounds, and "
        "whether a head is fitted to all examples afterwards, or without any round, on a fifth of the examples that "
        "they hold out; and train so anew on all. mfpt against fedavg: "
        f"{100 * sum(gains) / len(gains):+.1f} (p = {paired_test(gains):.2f}). "
        f"Own share of what devices use, mean: {sum(own) / len(own):.2f}."
    )


def _results(
    setting: Setting, summaries: Mapping[str, Summary], by_seed: Sequence[Sequence[Outcome]]
) -> dict[str, object]:
    least = _least_gain(summaries["mfpt_used"], summaries["local_best"])
    return {
        "metric": setting.plan.task.metric,
        "rounds": setting.rounds,
        "examples": setting.examples_each,
        "parallel": setting.parallel,
        "languages": list(setting.languages),
        "seeds": list(setting.seeds),
        "methods": {name: _as_json(summary) for name, summary in summaries.items()},
        "gain_over_local_best": summaries["mfpt"].mean - summaries["local_best"].mean,
        "share_of_central": summaries["mfpt"].mean / summaries["central"].mean,
        "least_gain_of_a_language": least[1],
        "language_of_least_gain": least[0],
        "outcomes": [_plain(run) for runs in by_seed for run in runs],
    }


def _figure(setting: Setting, summaries: Mapping[str, Summary]) -> "Figure":
    tags = list(setting.languages)
    bars = {
        NAMES[name]: [*(summaries[name].per_language[tag] for tag in tags), summaries[name].mean] for name in _DRAWN
    }
    title = f"{setting.examples_text} examples a language, {len(setting.seeds)} seeds"
    return plots.bars([*tags, "mean"], bars, None, f"test {setting.score}", title)


def _least_gain(ours: Summary, theirs: Summary) -> tuple[str, float]:
    """Return the language that gains least, averaged over seeds."""
    gains = {str(tag): value - theirs.per_language[tag] for tag, value in ours.per_language.items()}
    least = min(gains, key=lambda tag: gains[tag])
    return least, gains[least]


def _as_json(summary: Summary) -> dict[str, object]:
    return {
        "mean": summary.mean,
        "worst": summary.worst,
        "deviation": summary.deviation,
        "seeds": summary.seeds,
        "per_language": dict(summary.per_language),
    }


def _plain(run: Outcome) -> dict[str, object]:
    """Return a run's fields, without those that are empty."""
    values = {name: getattr(run, name) for name in _OUTCOME_FIELDS}
    return {name: value for name, value in values.items() if name == "seed" or value}
