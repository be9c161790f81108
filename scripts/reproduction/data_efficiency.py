"""What federating gains, by the number of examples that a language has."""

import statistics

import msgspec

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Method, mean
from reproduction.comparison import p_value, paired_test, run_differences
from reproduction.setting import Setting
from reproduction.study import Study, percent

_EXAMPLES = (10, 30, 70, 150, 350)
_QUICK_EXAMPLES = (10, 30, 70)
# Data set whose languages hold the same sentences in translation -> number of sentences to share out.
_SENTENCES = {"sib200": 701}


def data_efficiency(setting: Setting) -> Study:
    """Run the study."""
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
        gains = run_differences(runs["mfpt"], runs["local"])
        held = len(runs["local"][0].accuracy)
        rows.append(
            (
                *(str(count), str(held), *(percent(means[method]) for method in methods)),
                *(f"{100 * (means['mfpt'] - means['local']):+.1f}", p_value(gains)),
            )
        )
        for method in methods:
            series[method].append((float(count), means[method]))
        results.append({"examples": count, "languages": held, "p": paired_test(gains), "methods": means})
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
