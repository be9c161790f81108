"""Languages that are unseen in turn: the prompt weighted by distance, against the uniform mean of all."""

import statistics
from collections.abc import Mapping
from typing import NamedTuple

from mfpt_coord import plots
from reproduction.comparison import paired_test
from reproduction.setting import Setting
from reproduction.study import Study, percent


class Pair(NamedTuple):
    """Accuracies of a language's two prompts, averaged over seeds."""

    weighted: float
    uniform: float


def zero_shot(setting: Setting) -> Study:
    """Run the study."""
    unseen = setting.languages[:3] if setting.quick else setting.languages
    cells = [(tag, seed) for seed in setting.seeds for tag in unseen]
    experiments = [
        setting.experiment("mfpt", seed, languages=tuple(one for one in setting.languages if one != tag), unseen=(tag,))
        for tag, seed in cells
    ]
    found = dict(zip(cells, setting.run("zero-shot", experiments), strict=True))
    gains = [found[tag, seed].unseen[tag] - found[tag, seed].shared[tag] for tag in unseen for seed in setting.seeds]
    pairs = {}
    for tag in unseen:
        runs = [found[tag, seed] for seed in setting.seeds]
        weighted = statistics.mean(run.unseen[tag] for run in runs)
        pairs[str(tag)] = Pair(weighted, statistics.mean(run.shared[tag] for run in runs))
    return _report(setting, pairs, paired_test(gains))


def _report(setting: Setting, pairs: Mapping[str, Pair], chance: float) -> Study:
    average = Pair(*(statistics.mean(values) for values in zip(*pairs.values(), strict=True)))
    better = "weighted is better" if average.weighted > average.uniform else "uniform is better"
    verdict = "no difference beyond chance" if chance > 0.05 else better
    caption = (
        f"Test {setting.score} in % of languages that no device speaks; the other {len(setting.languages) - 1} hold "
        f"{setting.examples_text} different sentences each; {setting.rounds} rounds; {setting.seeds_text}. Weighted "
        f"against uniform: {verdict} (p = {chance:.2f})."
    )
    per_language = {tag: pair._asdict() for tag, pair in pairs.items()}
    results = {**average._asdict(), "p": chance, "per_language": per_language}
    series = {
        "uniform": [pair.uniform for pair in pairs.values()],
        "weighted": [pair.weighted for pair in pairs.values()],
    }
    figure = plots.bars(list(pairs), series, None, f"test {setting.score}", "Unseen languages")
    rows = (*(_row(tag, pair) for tag, pair in pairs.items()), _row("mean", average))
    return Study("zero-shot", caption, ("unseen language", "weighted", "uniform", "gain"), rows, results, figure)


def _row(name: str, pair: Pair) -> tuple[str, ...]:
    gain = f"{100 * (pair.weighted - pair.uniform):+.1f}"
    return name, percent(pair.weighted), percent(pair.uniform), gain
