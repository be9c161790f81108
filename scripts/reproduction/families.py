"""Does joining ever cost anything? Every method in every family of tasks, at several numbers of examples.

Where languages have much to teach one another (topics), where they disagree (parts of speech, sentiment), with few
examples and with many, and where some languages are rich and most are not: what devices use is compared with every
language alone at its best, and with the best other way of federating. See `families_verdicts` for the verdicts, and
`bootstrap` for what they rest on.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from reproduction.attempt import Attempt, Incomplete, listed
from reproduction.families_outcomes import experiments, row
from reproduction.families_report import report
from reproduction.families_table import Family, families_named
from reproduction.families_verdicts import Row
from reproduction.setting import Setting
from reproduction.study import Study

_QUICK_ROUNDS: Final = 5


class _Part(NamedTuple):
    """The runs of a family with a size and a seed."""

    size: int
    runs: list[Experiment]


class _Found(NamedTuple):
    """What is there of a family: its rows, what they lack, and whether somebody pressed Ctrl-C."""

    rows: list[Row]
    missing: list[str]
    interrupted: bool


def families(setting: Setting) -> Study:
    """Run the study.

    Raises:
        Incomplete: Some runs are missing; it holds what those that are there come to.
        UsageError: No family is left to run.
        MfptError: A run failed.
    """
    size = setting.examples
    if isinstance(size, dict):
        raise UsageError("families: --examples takes one number, a size of the families; leave the languages out")
    if setting.quick:
        setting = replace(setting, rounds=min(setting.rounds, _QUICK_ROUNDS))
    rows: list[Row] = []
    missing: list[str] = []
    interrupted = False
    for family in families_named(setting.named.families):
        found = _found(setting, family, size, only_kept=interrupted)
        rows += found.rows
        missing += found.missing
        interrupted = interrupted or found.interrupted
    if not rows and not missing:
        raise UsageError("nothing is left to run: see the lines above, and look at --data, --examples and --languages")
    study = report(setting, rows) if rows else None
    if study is None or missing:
        state = f"{len(rows)} rows are there, in whole or for some seeds; runs are missing"
        raise Incomplete("families", state, interrupted=interrupted, partial=study, details=missing)
    return study


def _found(setting: Setting, family: Family, size: int | None, *, only_kept: bool) -> _Found:
    """Run what is missing of a family, or leave it alone, and return what is there."""
    source = family.source(setting.runner.data)
    sizes = family.sizes_for(size, quick=setting.quick)
    languages = () if source is None else family.taking_part(source, setting.named.languages, quick=setting.quick)
    if source is None or not sizes or len(languages) < 2:
        lacks = f"the folder {family.folder}" if source is None else "this size" if not sizes else "two such languages"
        print(f"families: {family.name} is left out: it lacks {lacks}", file=sys.stderr)
        return _Found([], [], interrupted=False)
    parts = list(_parts(setting, family, languages, sizes))
    runner = setting.runner.elsewhere(source, languages, only_kept=only_kept)
    attempt = runner.attempt(f"families, {family.name}", [run for part in parts for run in part.runs])
    return _sorted_out(family, parts, attempt)


def _sorted_out(family: Family, parts: Sequence[_Part], attempt: Attempt) -> _Found:
    """Return a row for each size that has a seed whose runs are all there, and say what runs are missing."""
    outcomes = (attempt.outcomes.get(place) for place in range(len(attempt.experiments)))
    whole: dict[int, list[list[Outcome]]] = {}
    missing: dict[int, list[Experiment]] = {}
    for size, runs in parts:
        of_part = list(islice(outcomes, len(runs)))
        there = [outcome for outcome in of_part if outcome is not None]
        if len(there) == len(runs):
            whole.setdefault(size, []).append(there)
        else:
            lacking = [run for run, outcome in zip(runs, of_part, strict=True) if outcome is None]
            missing.setdefault(size, []).extend(lacking)
    return _Found(
        [row(family, size, by_seed) for size, by_seed in whole.items()],
        [f"{family.name} {size}: {listed(runs)}" for size, runs in missing.items()],
        attempt.interrupted,
    )


def _parts(
    setting: Setting, family: Family, languages: tuple[LanguageCode, ...], sizes: tuple[int, ...]
) -> Iterator[_Part]:
    plan = family.plan(setting.named.plan)
    for size in sizes:
        for seed in setting.seeds:
            yield _Part(size, experiments(setting, family, plan, languages, size, seed))
