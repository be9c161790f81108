"""Does federating help? Every method on the same data, with the same number of epochs, against an honest rival.

The rival, `local, best of a grid`, is each device alone at its best: over a grid of learning rates and head starts,
over the rounds of each, and over heads that are fitted to all examples at once on what the tuned prompt gives or the
untuned one, whatever does best on a fifth of the device's own examples, held out; then it trains so anew on all of
them. `central` chooses so on everybody's examples, with the plan's settings. All others run the plan's defaults to the
last round. Nobody reads a development file.
"""

from collections.abc import Sequence

from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_shared.languages import LanguageCode
from reproduction.comparison import Accuracies
from reproduction.grid import best, grid
from reproduction.headline_report import NAMES, report
from reproduction.setting import Setting
from reproduction.study import Study


def headline(setting: Setting) -> Study:
    """Run the study."""
    plans = grid(setting.plan, quick=setting.quick)
    others = list(plans.values())[1:]
    methods = setting.methods
    experiments: list[Experiment] = []
    for seed in setting.seeds:
        experiments += [setting.experiment(method, seed) for method in methods]
        experiments += [setting.experiment("local", seed, plan=plan) for plan in others]
    outcomes = setting.run("headline", experiments)
    size = len(methods) + len(others)
    by_seed = [outcomes[at : at + size] for at in range(0, len(outcomes), size)]
    accuracies: dict[str, Accuracies] = {
        method: [runs[at].accuracy for runs in by_seed] for at, method in enumerate(methods)
    }
    accuracies["local_best"] = [_best([run for run in runs if run.method == "local"]) for runs in by_seed]
    accuracies["mfpt_used"] = [runs[methods.index("mfpt")].used for runs in by_seed]
    ordered = {name: accuracies[name] for name in NAMES if name in accuracies}
    return report(setting, ordered, by_seed, list(plans))


def _best(runs: Sequence[Outcome]) -> dict[LanguageCode, float]:
    """Return each language's test accuracy in its best run of the grid."""
    return {tag: run.accuracy[tag] for tag, run in best(runs).items()}
