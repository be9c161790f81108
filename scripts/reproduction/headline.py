"""Does federating help? Every method on the same data, with the same number of epochs, against an honest rival.

The rival, `local, best of a grid`, is each device alone at its best: over a grid of learning rates and head starts, and
over the rounds of each, whatever did best on the device's own validation examples. `central` keeps the round that did
best on everybody's validation examples. All others run the plan's defaults to the last round.
"""

from collections.abc import Sequence

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_coord.simulate.summary import Summary, summarise
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction.comparison import p_value, paired_test
from reproduction.setting import Setting, changed
from reproduction.study import Study, percent

_NAMES = {
    "local": "local, same epochs",
    "local_best": "local, best of a grid",
    "central": "central (all data in one place)",
    "fedavg": "fedavg, synchronous",
    "fedbuff": "fedbuff, staleness",
    "mfpt": "mfpt, staleness and proximity",
    "mfpt_kept": "mfpt, prompt that devices keep",
}
# (head start, prompt learning rate, head learning rate), beside the plan's defaults
_GRID = (("ridge", 0.005, 0.002), ("zero", 0.02, 0.005))

Accuracies = list[dict[LanguageCode, float]]


def headline(setting: Setting) -> Study:
    """Run the study."""
    plans = [_local_plan(setting.plan, *point) for point in _grid(setting)]
    methods = setting.methods
    experiments: list[Experiment] = []
    for seed in setting.seeds:
        experiments += [setting.experiment(method, seed) for method in methods]
        experiments += [setting.experiment("local", seed, plan=plan) for plan in plans]
    outcomes = setting.run("headline", experiments)
    size = len(methods) + len(plans)
    by_seed = [outcomes[at : at + size] for at in range(0, len(outcomes), size)]
    accuracies: dict[str, Accuracies] = {
        method: [runs[at].accuracy for runs in by_seed] for at, method in enumerate(methods)
    }
    accuracies["central"] = [runs[methods.index("central")].kept for runs in by_seed]
    accuracies["local_best"] = [_best([run for run in runs if run.method == "local"]) for runs in by_seed]
    accuracies["mfpt_kept"] = [runs[methods.index("mfpt")].kept for runs in by_seed]
    ordered = {name: accuracies[name] for name in _NAMES if name in accuracies}
    return _report(setting, ordered, by_seed)


def _grid(setting: Setting) -> tuple[tuple[str, float, float], ...]:
    return _GRID[:1] if setting.quick else _GRID


def _local_plan(plan: Plan, start: str, prompt_rate: float, head_rate: float) -> Plan:
    return changed(plan, "training", head_start=start, prompt_learning_rate=prompt_rate, head_learning_rate=head_rate)


def _best(runs: Sequence[Outcome]) -> dict[LanguageCode, float]:
    """Return each language's test accuracy in the run that did best on its validation examples."""
    return {tag: max(runs, key=lambda run: run.validation[tag]).kept[tag] for tag in runs[0].accuracy}


def _report(setting: Setting, accuracies: dict[str, Accuracies], by_seed: Sequence[Sequence[Outcome]]) -> Study:
    summaries = {name: summarise(found) for name, found in accuracies.items()}
    rival = accuracies["local_best"]
    rows = []
    for name, summary in summaries.items():
        differences = _differences(accuracies[name], rival)
        gain = sum(differences) / len(differences)
        rows.append(
            (
                _NAMES[name],
                percent(summary.mean),
                percent(summary.deviation),
                " ".join(percent(seed) for seed in summary.seeds),
                percent(summary.worst),
                f"{100 * gain:+.1f}" if name != "local_best" else "",
                p_value(differences) if name != "local_best" else "",
            )
        )
    examples = setting.examples or 35
    mfpt = [runs[setting.methods.index("mfpt")] for runs in by_seed]
    own = [share for run in mfpt for share in run.own.values()]
    against_fedavg = _differences(accuracies["mfpt"], accuracies["fedavg"])
    kind = "the same sentences in translation" if setting.parallel else "all different sentences"
    caption = (
        f"Test accuracy in %, {len(setting.languages)} languages ({', '.join(setting.languages)}) with {examples} "
        f"training examples each, {kind}; {setting.rounds} rounds; {setting.seeds_text}. Gain and p: against `local, "
        "best of a grid`, paired over languages, each averaged over its seeds (randomisation test). Central trains with "
        "the plan's defaults for as many epochs, and keeps the round that did best on everybody's validation examples. "
        "The grid: the plan's defaults; "
        + "; ".join(f"head start {start}, learning rates {prompt:g}/{head:g}" for start, prompt, head in _grid(setting))
        + ". A device keeps the round that did best on its validation examples, as many as it has training examples. "
        f"mfpt against fedavg: {100 * sum(against_fedavg) / len(against_fedavg):+.1f} (p = "
        f"{paired_test(against_fedavg):.2f}). {100 * sum(own) / len(own):.0f} % of the devices keep their own prompt."
    )
    lowest = _lowest(accuracies["mfpt_kept"], rival)
    results = {
        "rounds": setting.rounds,
        "examples": examples,
        "parallel": setting.parallel,
        "languages": list(setting.languages),
        "seeds": list(setting.seeds),
        "methods": {name: _as_json(summary) for name, summary in summaries.items()},
        "gain_over_local_best": summaries["mfpt"].mean - summaries["local_best"].mean,
        "share_of_central": summaries["mfpt"].mean / summaries["central"].mean,
        "least_gain_of_a_language": lowest[1],
        "language_of_least_gain": lowest[0],
        "outcomes": [_plain(run) for runs in by_seed for run in runs],
    }
    tags = list(setting.languages)
    shown = ("local_best", "fedavg", "mfpt", "central")
    figure = plots.bars(
        [*tags, "mean"],
        {_NAMES[name]: [*(summaries[name].per_language[tag] for tag in tags), summaries[name].mean] for name in shown},
        None,
        "test accuracy",
        f"{examples} examples a language, {len(setting.seeds)} seeds",
    )
    name = f"headline-{setting.name}-{examples}" + ("-parallel" if setting.parallel else "")
    columns = ("method", "mean", "± seeds", "each seed", "worst language", "gain", "p")
    return Study(name, caption, columns, tuple(rows), results, figure)


def _differences(ours: Accuracies, theirs: Accuracies) -> list[float]:
    """Return a difference for each language: seeds share test sentences, and are averaged first."""
    mine, other = summarise(ours).per_language, summarise(theirs).per_language
    return [mine[tag] - other[tag] for tag in mine]


def _lowest(ours: Accuracies, theirs: Accuracies) -> tuple[str, float]:
    """Return the language that gains least, averaged over seeds."""
    mine, other = summarise(ours).per_language, summarise(theirs).per_language
    gains = {str(tag): mine[tag] - other[tag] for tag in mine}
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
    fields = (
        "method",
        "seed",
        "accuracy",
        "validation",
        "kept",
        "own",
        "seconds",
        "versions",
        "updates",
        "bytes_up",
        "bytes_down",
    )
    values = {name: getattr(run, name) for name in fields}
    return {name: value for name, value in values.items() if name == "seed" or value}
