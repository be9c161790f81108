"""From the runs of one family at one size to what is judged."""

from collections.abc import Sequence

import numpy as np

from mfpt_coord.simulate.experiment import Experiment, Method, Outcome
from mfpt_coord.simulate.tallies import Tallies
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction import bootstrap
from reproduction.families_table import Family
from reproduction.families_verdicts import ALONE, USED, Row
from reproduction.grid import best, grid
from reproduction.setting import Setting

_METHODS: tuple[Method, ...] = ("central", "fedavg", "fedbuff", "fixed", "mfpt")
# Test sentences of a language, where they are not parallel: which are chosen depends on the language.
_TESTED = 600
_QUICK_TESTED = 100


def experiments(
    setting: Setting, family: Family, plan: Plan, languages: tuple[LanguageCode, ...], size: int, seed: int
) -> list[Experiment]:
    """Return the runs of a family with a size and a seed: alone at every point of the grid, then the other methods.

    The longest come first, so that no core waits long for another one in the end.
    """
    tested = None if family.parallel else _QUICK_TESTED if setting.quick else _TESTED

    def one(method: Method, plan: Plan) -> Experiment:
        return setting.experiment(
            method,
            seed,
            plan=plan,
            languages=languages,
            examples=family.examples(size, languages),
            max_test=tested,
            parallel=False,
        )

    alone = [one("local", point) for point in grid(plan, quick=setting.quick).values()]
    return alone + [one(method, plan) for method in _METHODS]


def row(family: Family, size: int, runs: Sequence[Sequence[Outcome]]) -> Row:
    """Return what was measured.

    Args:
        family: Family of the runs.
        size: Training examples of a language.
        runs: All runs of each seed, in the order of `experiments`.
    """
    languages = list(runs[0][0].tallies)
    of_method = {method: [of_seed[at - len(_METHODS)] for of_seed in runs] for at, method in enumerate(_METHODS)}
    alone = [best(of_seed[: -len(_METHODS)]) for of_seed in runs]
    tallies = {ALONE: {tag: _stacked([chosen[tag].tallies[tag] for chosen in alone]) for tag in languages}}
    for method, of_seeds in of_method.items():
        tallies[method] = {tag: _stacked([run.tallies[tag] for run in of_seeds]) for tag in languages}
    tallies[USED] = {tag: _stacked([run.used_tallies[tag] for run in of_method["mfpt"]]) for tag in languages}
    return Row(family.name, size, family.parallel, tuple(of_seed[0].seed for of_seed in runs), tallies)


def _stacked(of_seeds: Sequence[Tallies]) -> bootstrap.Tallies:
    """Return tallies as an array: [seeds, sentences, 3]."""
    return np.array([[one.right, one.given, one.wanted] for one in of_seeds], np.int64).swapaxes(1, 2)
