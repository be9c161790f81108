"""Does federating help? Every method on the same data, with the same number of epochs, against an honest rival.

The rival, `local, best of a grid`, is each device alone at its best: over a grid of learning rates and head starts, and
over the rounds of each, whatever did best on the device's own validation examples. `central` keeps the round that did
best on everybody's validation examples. All others run the plan's defaults to the last round.
"""

from collections.abc import Sequence

from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_shared.languages import LanguageCode
from reproduction import grid
from reproduction.comparison import Accuracies
from reproduction.headline_report import NAMES, report
from reproduction.setting import Setting
from reproduction.study import Study

_GRID_DEFAULTS = "the plan's defaults"


def headline(setting: Setting) -> Study:
    """Run the study."""
    points = grid.points(quick=setting.quick)
    plans = [grid.plan_at(setting.plan, point) for point in points]
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
    ordered = {name: accuracies[name] for name in NAMES if name in accuracies}
    return report(setting, ordered, by_seed, [_GRID_DEFAULTS, *map(str, points)])


def _best(runs: Sequence[Outcome]) -> dict[LanguageCode, float]:
    """Return each language's test accuracy in the run that did best on its validation examples."""
    return {tag: grid.best(runs, tag).kept[tag] for tag in runs[0].accuracy}
