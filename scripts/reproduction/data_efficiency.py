"""What federating gains, by the number of examples that a language has."""

import statistics
from typing import Final

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Experiment, Method, mean
from mfpt_shared.errors import UsageError
from reproduction.comparison import p_value, paired_test, run_differences
from reproduction.setting import Setting
from reproduction.study import Study, percent

_METHODS: Final[tuple[Method, ...]] = ("local", "fedavg", "mfpt")
# Data set whose languages hold the same sentences in translation -> number of sentences to share out.
_SENTENCES: Final = {"sib200": 701}


def data_efficiency(setting: Setting) -> Study:
    """Run the study."""
    if isinstance(setting.examples, dict):
        raise UsageError("data-efficiency: give --examples one number for all languages")
    usual = setting.usual
    counts = (setting.examples,) if setting.examples else usual.quick_counts if setting.quick else usual.counts
    cells = [(count, method, seed) for seed in setting.seeds for count in counts for method in _METHODS]
    experiments = [_experiment(setting, *cell) for cell in cells]
    found = dict(zip(cells, setting.run("data-efficiency", experiments), strict=True))
    rows: list[tuple[str, ...]] = []
    results = []
    series: dict[str, list[tuple[float, float]]] = {method: [] for method in _METHODS}
    for count in counts:
        runs = {method: [found[count, method, seed] for seed in setting.seeds] for method in _METHODS}
        means = {method: statistics.mean(mean(run.accuracy) for run in of) for method, of in runs.items()}
        gains, held = run_differences(runs["mfpt"], runs["local"]), len(runs["local"][0].accuracy)
        gain = f"{100 * (means['mfpt'] - means['local']):+.1f}"
        rows.append((str(count), str(held), *(percent(means[one]) for one in _METHODS), gain, p_value(gains)))
        results.append({"examples": count, "languages": held, "p": paired_test(gains), "methods": means})
        for method in _METHODS:
            series[method].append((float(count), means[method]))
    figure = plots.lines(series, "training examples a language", f"test {setting.score}", "What federating gains")
    columns = ("examples", "languages", *_METHODS, "gain", "p")
    return Study("data-efficiency", _caption(setting), columns, tuple(rows), {"rows": results}, figure)


def _experiment(setting: Setting, examples: int, method: Method, seed: int) -> Experiment:
    """Return one run; with many examples there are not enough different sentences for all languages."""
    available = _available(setting)
    languages = setting.languages if available is None else setting.languages[: max(2, available // examples)]
    return setting.experiment(method, seed, examples=examples, languages=languages)


def _available(setting: Setting) -> int | None:
    """Return the number of sentences that languages have to share out; None if they need not."""
    return None if setting.parallel else _SENTENCES.get(setting.name)


def _caption(setting: Setting) -> str:
    available = _available(setting)
    shared = f"Languages hold different sentences, and there are {available}: more examples leave fewer languages. "
    return (
        f"Test {setting.score} in %. Local is each device alone, in the way that does best on a fifth of its "
        "examples, which it holds out: some number of rounds, with the tuned head or one that is fitted to all "
        "examples, or such a head alone; and then trained so anew on all. "
        f"{'' if available is None else shared}{setting.rounds} rounds; {setting.seeds_text}."
    )
