"""Languages held out in turn: the prompt weighted by distance, against the uniform mean of all."""

import statistics

from mfpt_coord import plots
from reproduction.comparison import paired_test
from reproduction.setting import Setting
from reproduction.study import Study, percent


def zero_shot(setting: Setting) -> Study:
    """Run the study."""
    held_out = setting.languages[:3] if setting.quick else setting.languages
    cells = [(tag, seed) for seed in setting.seeds for tag in held_out]
    experiments = [
        setting.experiment(
            "mfpt", seed, languages=tuple(one for one in setting.languages if one != tag), held_out=(tag,)
        )
        for tag, seed in cells
    ]
    found = dict(zip(cells, setting.run("zero-shot", experiments), strict=True))
    rows, gains = [], []
    per_language = {}
    for tag in held_out:
        runs = [found[tag, seed] for seed in setting.seeds]
        weighted = statistics.mean(run.held_out[tag] for run in runs)
        uniform = statistics.mean(run.shared[tag] for run in runs)
        gains += [run.held_out[tag] - run.shared[tag] for run in runs]
        per_language[str(tag)] = {"weighted": weighted, "uniform": uniform}
        rows.append((str(tag), percent(weighted), percent(uniform), f"{100 * (weighted - uniform):+.1f}"))
    weighted = statistics.mean(one["weighted"] for one in per_language.values())
    uniform = statistics.mean(one["uniform"] for one in per_language.values())
    chance = paired_test(gains)
    rows.append(("mean", percent(weighted), percent(uniform), f"{100 * (weighted - uniform):+.1f}"))
    better = "weighted is better" if weighted > uniform else "uniform is better"
    verdict = "no difference beyond chance" if chance > 0.05 else better
    caption = (
        f"Test accuracy in % of languages that no device speaks; the other {len(setting.languages) - 1} hold "
        f"{setting.examples_each} different sentences each; {setting.rounds} rounds; "
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
