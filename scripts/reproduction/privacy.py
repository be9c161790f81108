"""What do updates and prompts tell about the sentences of devices? A membership attack on all that anybody sees.

Devices of a few languages train together, under every setting that a plan may have: in the open, under masks, with
noise. After the first and after the last round, each observer gets what he would see, candidates of which half are in
the devices' data, and their labels. See `membership` for the attack.
"""

import math
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from statistics import fmean
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from mfpt_coord import plots
from mfpt_shared.errors import UsageError
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction.attempt import Incomplete
from reproduction.families_table import Family, families_named
from reproduction.privacy_kept import KeptParts
from reproduction.privacy_rows import COLUMNS, More, Needed, Part, Row, lines, more_text, needed_text
from reproduction.privacy_world import DEVICES, Task, Wanted, World
from reproduction.setting import Setting, changed
from reproduction.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEAD_RATE: Final = 0.005


class _Choice(NamedTuple):
    """What is attacked in a family.

    Attributes:
        languages: Languages; where they do not have enough sentences for all, the first of them.
        sizes: Sentences of a device -> number of languages.
        quick: Number of languages that a quick study makes do with.
    """

    languages: tuple[LanguageCode, ...]
    sizes: dict[int, int]
    quick: int


_CHOICES: Final = {
    "sib200": _Choice(
        tuple(map(LanguageCode, ("swh", "zul", "yor", "amh", "hau", "lug"))), {8: 6, 35: 6, 100: 2}, quick=3
    ),
    "masakhapos": _Choice(
        tuple(map(LanguageCode, ("hau", "swh", "xho", "yor", "kin", "lug"))), {8: 6, 35: 6, 100: 6}, quick=2
    ),
}
_QUICK_SIZE: Final = 35
_QUICK_ROUNDS: Final = 3
_TESTED: Final = 204
_QUICK_TESTED: Final = 100
_FULL: Final = ((8.0, 3.0, 1.0), (8.0, 3.0, 1.0))
_QUICK: Final = ((8.0,), (8.0,))
"""Budgets of noise under masks, and in the open."""
_DRAWN_EPSILON: Final = 8.0


def privacy(setting: Setting) -> Study:
    """Run the study.

    Raises:
        Incomplete: Some parts are missing; it holds what those that are there come to.
        UsageError: No family is left to run.
        MfptError: There is too little data, or a training diverged.
    """
    kept = KeptParts(cache_home() / "privacy", setting.runner.device)
    tasks = list(_tasks(setting))
    if not tasks:
        raise UsageError("privacy: nothing is left to run; look at --data, --families, --examples and --languages")
    found = {place: part for place, task in enumerate(tasks) if (part := kept.read(task)) is not None}
    setting.runner.counts.reused += len(found)
    interrupted = False
    if not setting.runner.only_kept:
        try:
            _measure_missing(setting, tasks, kept, found)
        except KeyboardInterrupt:
            interrupted = True
    study = _report(setting, tasks, [found[place] for place in sorted(found)]) if found else None
    missing = [task.name for place, task in enumerate(tasks) if place not in found]
    if missing or study is None:
        state = f"{len(found)} of {len(tasks)} parts are there"
        raise Incomplete("privacy", state, interrupted=interrupted, partial=study, details=missing)
    return study


def _measure_missing(setting: Setting, tasks: Sequence[Task], kept: KeptParts, found: dict[int, Part]) -> None:
    """Measure what is missing, parts side by side in processes, and keep each as soon as it is there."""
    missing, runner = [place for place in range(len(tasks)) if place not in found], setting.runner
    if not missing:
        return
    from reproduction.privacy_measure import measure  # noqa: PLC0415 - imports torch

    # Forked children would inherit threads of numeric libraries in the middle of their work.
    context = multiprocessing.get_context("spawn")
    jobs = min(runner.jobs, len(missing))
    with ProcessPoolExecutor(jobs, context, initializer=_leave_ctrl_c_to_the_parent) as pool:
        waiting = {pool.submit(measure, tasks[place], runner.device, runner.threads): place for place in missing}
        try:
            for done in as_completed(waiting):
                place = waiting[done]
                found[place] = done.result()
                kept.write(tasks[place], found[place])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _leave_ctrl_c_to_the_parent() -> None:
    # It reaches every process of a terminal, and the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tasks(setting: Setting) -> Iterator[Task]:
    """Yield a part for each family that the data folder holds, each of its sizes, and each seed."""
    if isinstance(setting.examples, dict):
        raise UsageError("privacy: --examples takes one number; leave the languages out")
    for family in families_named(setting.named.families or tuple(_CHOICES)):
        if family.name not in _CHOICES:
            raise UsageError(f"privacy: it has {' and '.join(_CHOICES)}, and not {family.name}")
        source = family.source(setting.runner.data)
        if source is None:
            print(f"privacy: {family.name} is left out: it lacks the folder {family.folder}", file=sys.stderr)
            continue
        for size, languages in _sizes(setting, family, source).items():
            for seed in setting.seeds:
                yield _task(setting, family, World(_plan(setting, family), source, languages, size, seed, _TESTED))


def _sizes(setting: Setting, family: Family, source: str) -> dict[int, tuple[LanguageCode, ...]]:
    """Return sentences of a device -> the languages that have as many for each of their devices."""
    choice = _CHOICES[family.name]
    assert not isinstance(setting.examples, dict), "refused before"
    named = setting.named.languages
    there = [tag for tag in family.taking_part(source, named, quick=False) if named or tag in choice.languages]
    ordered = sorted(there, key=lambda tag: choice.languages.index(tag) if tag in choice.languages else len(there))
    most = choice.quick if setting.quick else len(ordered)
    sizes = (setting.examples,) if setting.examples else (_QUICK_SIZE,) if setting.quick else tuple(choice.sizes)
    counts = {size: most if named else min(most, choice.sizes.get(size, most)) for size in sizes}
    return {size: tuple(ordered[:count]) for size, count in counts.items() if ordered}


def _task(setting: Setting, family: Family, world: World) -> Task:
    distributed, local = _QUICK if setting.quick else _FULL
    rounds = min(setting.rounds, _QUICK_ROUNDS) if setting.quick else setting.rounds
    tested = _QUICK_TESTED if setting.quick else _TESTED
    return Task(family.name, world._replace(tested=tested), Wanted(rounds, distributed, local))


def _plan(setting: Setting, family: Family) -> Plan:
    """Return the plan of a family; heads in closed form do not travel in the open."""
    plan = family.plan(setting.named.plan)
    if plan.training.head_start == "zero":
        return plan
    return changed(plan, "training", head_start="zero", head_learning_rate=_HEAD_RATE)


def _report(setting: Setting, tasks: Sequence[Task], parts: Sequence[Part]) -> Study:
    rows = [row for part in parts for row in part.rows]
    needed = [one for part in parts for one in part.needed]
    more = [one for part in parts for one in part.more]
    results = {
        "rows": msgspec.to_builtins(rows),
        "noise_needed": msgspec.to_builtins(needed),
        "beside": msgspec.to_builtins(more),
        "rounds": tasks[0].wanted.rounds,
        "seeds": list(setting.seeds),
    }
    caption = _caption(setting, tasks, needed, more)
    return Study("privacy", caption, COLUMNS, lines(rows), results, _figure(rows))


def _caption(setting: Setting, tasks: Sequence[Task], needed: Sequence[Needed], more: Sequence[More]) -> str:
    worlds = dict.fromkeys((task.family, task.world.examples, task.world.languages) for task in tasks)
    devices = "; ".join(f"{family} {examples}: {', '.join(languages)}" for family, examples, languages in worlds)
    names = {
        "rounds": "All rounds of the same group of {group}, added up by the coordinator",
        "closed-form": "A first head in closed form, mean of {group}, as it no longer travels",
        "regrouped": "Who has it, where the coordinator sees masked groups of {group} that change every round",
    }
    return (
        "AUC: chance that a sentence which a device holds scores higher than one of the same language which none "
        "holds (held), or that its holder scores higher than another member of the group who speaks its language "
        "(who); .5 is chance. A candidate is a sentence; where words are labelled, with the labels of all its words. "
        "By an attacker who knows the prompt that the round started from, other sentences of the language, and the "
        "candidates' labels (without these: auc_unlabelled in the JSON); 95 % intervals. *: what a plan without "
        f"privacy keys lets be seen. n: sentences of a device; {DEVICES} devices for each language ({devices}); "
        f"{tasks[0].wanted.rounds} rounds, later is the last; {setting.seeds_text}. Of: devices in a sum or a fold; a "
        "fold of several languages is taken apart into these. Epsilon: of all rounds together, by distributed noise "
        "under masks and by local noise in the open. Accuracy: test accuracy in % after the rounds, equal weights, "
        "mean over languages. "
        f"{more_text(more, names)} Noise under which neither a round nor all rounds of a sum of three leave more than "
        f"AUC .6: {needed_text(needed)}."
    )


def _figure(rows: Sequence[Row]) -> "Figure | None":
    """Draw what a later update tells, by who looks and how updates travel."""
    by_series: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if (row.question, row.update) == ("held", "later") and (name := _series(row)):
            by_series.setdefault(name, {}).setdefault(f"{row.family}\n{row.examples}", []).append(row.auc)
    places = list(dict.fromkeys(place for of_series in by_series.values() for place in of_series))
    heights = {
        name: [fmean(of_series.get(place, [math.nan])) for place in places] for name, of_series in by_series.items()
    }
    return plots.bars(places, heights, None, "AUC", "Can a sentence be tested for?") if places else None


def _series(row: Row) -> str:
    """Return the name of the bar that a row is drawn in; empty: it is not drawn."""
    if row.observer == "broker" and row.default:
        return "prompts, open"
    if row.observer != "coordinator" or row.epsilon not in (None, _DRAWN_EPSILON):
        return ""
    noise = "" if row.epsilon is None else f", epsilon {row.epsilon:g}"
    return f"{row.aggregation.removesuffix('-noise')}, {row.group}{noise}"
