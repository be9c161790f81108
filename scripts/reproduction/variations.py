"""Studies that change one thing: the number of examples, the language held out, or a choice of the plan."""

import statistics
from collections.abc import Sequence

import msgspec

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Experiment, Method, Outcome, mean
from mfpt_coord.simulate.fleet import Fleet
from mfpt_coord.simulate.summary import summarise
from mfpt_shared.plan import Plan
from reproduction.comparison import p_value, paired_test
from reproduction.setting import Setting, changed
from reproduction.study import Study, percent

_EXAMPLES = (10, 30, 70, 150, 350)
_QUICK_EXAMPLES = (10, 30, 70)
# Beginning of a variant's name -> the variant that it is compared with, where that is not the default.
_REFERENCES = {"stragglers": "stragglers, staleness exponent 0.5", "fixed 0.2": "proximity fixed, temperature 0.2"}
# Data set whose languages hold the same sentences in translation -> number of sentences to share out.
_SENTENCES = {"sib200": 701}


def data_efficiency(setting: Setting) -> Study:
    """What federating gains, by the number of examples that a language has."""
    counts = (setting.examples,) if setting.examples else _QUICK_EXAMPLES if setting.quick else _EXAMPLES
    available = None if setting.parallel else _SENTENCES.get(setting.name)
    methods: tuple[Method, ...] = ("local", "fedavg", "mfpt")
    cells = [(count, method, seed) for seed in setting.seeds for count in counts for method in methods]
    experiments = []
    for count, method, seed in cells:
        # Different sentences for every language: with many examples there are not enough for all languages.
        languages = setting.languages if available is None else setting.languages[: max(2, available // count)]
        experiments.append(setting.experiment(method, seed, examples=count, languages=languages))
    found = dict(zip(cells, setting.run("data-efficiency", experiments), strict=True))
    rows, results = [], []
    series: dict[str, list[tuple[float, float]]] = {method: [] for method in methods}
    for count in counts:
        runs = {method: [found[count, method, seed] for seed in setting.seeds] for method in methods}
        runs["local"] = [msgspec.structs.replace(run, accuracy=run.kept) for run in runs["local"]]
        means = {method: statistics.mean(mean(run.accuracy) for run in of) for method, of in runs.items()}
        differences = _differences(runs["mfpt"], runs["local"])
        held = len(runs["local"][0].accuracy)
        rows.append(
            (
                *(str(count), str(held), *(percent(means[method]) for method in methods)),
                *(f"{100 * (means['mfpt'] - means['local']):+.1f}", p_value(differences)),
            )
        )
        for method in methods:
            series[method].append((float(count), means[method]))
        results.append({"examples": count, "languages": held, "p": paired_test(differences), "methods": means})
    sentences = (
        f"Languages hold different sentences, and there are {available}: more examples leave fewer languages. "
        if available is not None
        else ""
    )
    caption = (
        "Test accuracy in %. Local is each device alone, at the round that did best on its validation examples. "
        f"{sentences}"
        f"{setting.rounds} rounds; {setting.seeds_text}."
    )
    figure = plots.lines(series, "training examples a language", "test accuracy", "What federating gains")
    columns = ("examples", "languages", *methods, "gain", "p")
    return Study("data-efficiency", caption, columns, tuple(rows), {"rows": results}, figure)


def zero_shot(setting: Setting) -> Study:
    """Hold every language out in turn: its prompt weighted by distance, against the uniform mean of all."""
    held_out = setting.languages[:3] if setting.quick else setting.languages
    cells = [(tag, seed) for seed in setting.seeds for tag in held_out]
    experiments = [
        setting.experiment(
            "mfpt", seed, languages=tuple(one for one in setting.languages if one != tag), held_out=(tag,)
        )
        for tag, seed in cells
    ]
    found = dict(zip(cells, setting.run("zero-shot", experiments), strict=True))
    rows, differences = [], []
    per_language = {}
    for tag in held_out:
        runs = [found[tag, seed] for seed in setting.seeds]
        weighted = statistics.mean(run.held_out[tag] for run in runs)
        uniform = statistics.mean(run.shared[tag] for run in runs)
        differences += [run.held_out[tag] - run.shared[tag] for run in runs]
        per_language[str(tag)] = {"weighted": weighted, "uniform": uniform}
        rows.append((str(tag), percent(weighted), percent(uniform), f"{100 * (weighted - uniform):+.1f}"))
    weighted = statistics.mean(one["weighted"] for one in per_language.values())
    uniform = statistics.mean(one["uniform"] for one in per_language.values())
    chance = paired_test(differences)
    rows.append(("mean", percent(weighted), percent(uniform), f"{100 * (weighted - uniform):+.1f}"))
    better = "weighted is better" if weighted > uniform else "uniform is better"
    verdict = "no difference beyond chance" if chance > 0.05 else better
    caption = (
        f"Test accuracy in % of languages that no device speaks; the other {len(setting.languages) - 1} hold "
        f"{setting.examples or 35} different sentences each; {setting.rounds} rounds; "
        f"{setting.seeds_text}. Weighted against uniform: {verdict} (p = {chance:.2f})."
    )
    results = {"weighted": weighted, "uniform": uniform, "p": chance, "per_language": per_language}
    names = list(per_language)
    figure = plots.bars(
        names,
        {kind: [per_language[tag][kind] for tag in names] for kind in ("uniform", "weighted")},
        None,
        "test accuracy",
        "Languages without a device",
    )
    return Study("zero-shot", caption, ("held out", "weighted", "uniform", "gain"), tuple(rows), results, figure)


def ablation(setting: Setting) -> Study:
    """Change one choice of the plan at a time."""
    variants = _variants(setting.plan, quick=setting.quick)
    cells = [(name, seed) for seed in setting.seeds for name in variants]
    experiments: list[Experiment] = [
        setting.experiment("mfpt", seed, plan=variants[name][0], fleet=Fleet(stragglers=variants[name][1]))
        for name, seed in cells
    ]
    found = dict(zip(cells, setting.run("ablation", experiments), strict=True))
    rows, results = [], {}
    for name in variants:
        runs = [found[name, seed] for seed in setting.seeds]
        value = statistics.mean(mean(run.accuracy) for run in runs)
        reference = next((one for one in _REFERENCES if name.startswith(one)), "default")
        differences = _differences(runs, [found[_REFERENCES.get(reference, "default"), seed] for seed in setting.seeds])
        gain, chance = statistics.mean(differences), paired_test(differences)
        bytes_up = runs[0].bytes_up / max(1, runs[0].updates)
        results[name] = {"mean": value, "gain": gain, "p": chance, "bytes_an_update": bytes_up}
        rows.append((name, percent(value), f"{100 * gain:+.1f}", f"{chance:.3f}", f"{bytes_up / 1000:.1f}"))
    caption = (
        f"Test accuracy in % of mfpt; {len(setting.languages)} languages, {setting.examples or 35} examples each; "
        f"{setting.rounds} rounds; {setting.seeds_text}. "
        f"Gain is over the first row{_exceptions(rows)}."
    )
    columns = ("variant", "mean", "gain", "p", "kB an update")
    figure = plots.bars(
        [str(number) for number in range(1, len(rows) + 1)],
        {"mfpt": [results[name]["mean"] for name in variants]},
        None,
        "test accuracy",
        "Variants, in the order of the table",
    )
    return Study("ablation", caption, columns, tuple(rows), {"variants": results}, figure)


def _variants(plan: Plan, *, quick: bool) -> dict[str, tuple[Plan, float]]:
    """Return name -> plan, and the share of stragglers it is run with."""

    def aggregation(**values: object) -> tuple[Plan, float]:
        return changed(plan, "aggregation", **values), 0.0

    def prompt(**values: object) -> tuple[Plan, float]:
        return changed(plan, "prompt", **values), 0.0

    variants = {
        "default": (plan, 0.0),
        "proximity uniform": aggregation(proximity="uniform"),
        "proximity fixed, temperature 0.1": aggregation(proximity="fixed", temperature=0.1),
        "proximity fixed, temperature 0.4": aggregation(proximity="fixed", temperature=0.4),
    }
    if quick:
        return variants
    return variants | {
        "proximity fixed, temperature 0.2": aggregation(proximity="fixed", temperature=0.2),
        "proximity fixed, temperature 0.8": aggregation(proximity="fixed", temperature=0.8),
        "proximity observed": aggregation(proximity="observed"),
        "fixed 0.2, metric genetic": aggregation(proximity="fixed", temperature=0.2, metrics=("genetic",)),
        "fixed 0.2, metric geographic": aggregation(proximity="fixed", temperature=0.2, metrics=("geographic",)),
        "fixed 0.2, metric syntactic": aggregation(proximity="fixed", temperature=0.2, metrics=("syntactic",)),
        "stragglers, staleness exponent 0.5": (plan, 0.2),
        "stragglers, staleness exponent 0": (changed(plan, "aggregation", staleness_exponent=0.0), 0.2),
        "stragglers, staleness exponent 1": (changed(plan, "aggregation", staleness_exponent=1.0), 0.2),
        "head start zero, head rate 0.005": (
            changed(plan, "training", head_start="zero", head_learning_rate=0.005),
            0.0,
        ),
        "late prompt before layer 6 of 12": prompt(layer=6),
        "late prompt before layer 11 of 12": prompt(layer=11),
        "5 virtual tokens": prompt(tokens=5),
        "50 virtual tokens": prompt(tokens=50),
        "method prompt (at the input)": prompt(method="prompt"),
        "method p-tuning": prompt(method="p-tuning"),
    }


def _exceptions(rows: Sequence[tuple[str, ...]]) -> str:
    """Say which rows are compared with another one than the first."""
    return "".join(
        f"; for variants that begin with `{start}`, over `{reference}`"
        for start, reference in _REFERENCES.items()
        if any(row[0].startswith(start) for row in rows)
    )


def _differences(ours: list[Outcome], theirs: list[Outcome]) -> list[float]:
    """Return a difference for each language: seeds share test sentences, and are averaged first."""
    mine, other = (summarise([run.accuracy for run in runs]).per_language for runs in (ours, theirs))
    return [mine[tag] - other[tag] for tag in mine]
