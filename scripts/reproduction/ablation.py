"""One choice of the plan changed at a time."""

import statistics
from collections.abc import Sequence

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Experiment, mean
from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.plan import Plan
from reproduction.comparison import paired_test, run_differences
from reproduction.setting import Setting, changed
from reproduction.study import Study, percent

# Beginning of a variant's name -> the variant that it is compared with, where that is not the default.
_REFERENCES = {"stragglers": "stragglers, staleness exponent 0.5", "fixed 0.2": "proximity fixed, temperature 0.2"}


def ablation(setting: Setting) -> Study:
    """Run the study."""
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
        gains = run_differences(runs, [found[_REFERENCES.get(reference, "default"), seed] for seed in setting.seeds])
        gain, chance = statistics.mean(gains), paired_test(gains)
        bytes_up = runs[0].bytes_up / max(1, runs[0].updates)
        results[name] = {"mean": value, "gain": gain, "p": chance, "bytes_an_update": bytes_up}
        rows.append((name, percent(value), f"{100 * gain:+.1f}", f"{chance:.3f}", f"{bytes_up / 1000:.1f}"))
    caption = (
        f"Test {setting.score} in % of mfpt; {len(setting.languages)} languages, {setting.examples_text} examples "
        f"each; {setting.rounds} rounds; {setting.seeds_text}. "
        f"Gain is over the first row{_exceptions(rows)}."
    )
    columns = ("variant", "mean", "gain", "p", "kB an update")
    figure = plots.bars(
        [str(number) for number in range(1, len(rows) + 1)],
        {"mfpt": [results[name]["mean"] for name in variants]},
        None,
        f"test {setting.score}",
        "Variants, in the order of the table",
    )
    return Study("ablation", caption, columns, tuple(rows), {"variants": results}, figure)


def _exceptions(rows: Sequence[tuple[str, ...]]) -> str:
    """Say which rows are compared with another one than the first."""
    return "".join(
        f"; for variants that begin with `{start}`, over `{reference}`"
        for start, reference in _REFERENCES.items()
        if any(row[0].startswith(start) for row in rows)
    )


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
        "head start ridge, head rate 0.0005": (
            changed(plan, "training", head_start="ridge", head_learning_rate=0.0005),
            0.0,
        ),
        "late prompt before layer 6 of 12": prompt(layer=6),
        "late prompt before layer 11 of 12": prompt(layer=11),
        "5 virtual tokens": prompt(tokens=5),
        "50 virtual tokens": prompt(tokens=50),
        "method prompt (at the input)": prompt(method="prompt"),
        "method p-tuning": prompt(method="p-tuning"),
    }
