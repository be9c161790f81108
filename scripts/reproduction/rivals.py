"""What a user would pick instead: accuracy, time, memory and bytes of each, on the same sentences.

A linear probe on frozen features, PEFT under Flower (a prompt, and LoRA), and full fine-tuning of all weights in one
place, beside mfpt; one after the other, each in processes of its own.
"""

import itertools
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mfpt_coord import plots
from mfpt_coord.commands.example_counts import described
from mfpt_coord.simulate.experiment import Examples
from mfpt_shared.errors import UsageError
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction.attempt import Incomplete
from reproduction.families_table import families_named
from reproduction.rivals_kept import KeptRows
from reproduction.rivals_rows import COLUMNS, Row, as_json, averaged, lines
from reproduction.runs import circumstances
from reproduction.setting import Setting
from reproduction.study import Study
from rivals.errors import NotRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INTERRUPTED: Final = "interrupted"
_NOT_KEPT: Final = "nothing is to be run"
_LIMIT_SECONDS: Final = 1800.0
_GRID_POINTS: Final = 3


class _Choice(NamedTuple):
    """What is taken of a family, where the data folder has it: languages, and examples of each."""

    languages: tuple[LanguageCode, ...]
    examples: int


_CHOICES: Final = {
    "sib200": _Choice(tuple(map(LanguageCode, ("swh", "zul", "yor", "amh"))), 35),
    "masakhapos": _Choice(tuple(map(LanguageCode, ("hau", "swh", "xho", "yor"))), 15),
}


class _Task(NamedTuple):
    name: str
    data: str
    plan: Plan
    languages: tuple[LanguageCode, ...]
    examples: Examples


def rivals(setting: Setting) -> Study:
    """Run the study.

    Raises:
        Incomplete: It was interrupted, or nothing is to be run; it holds the rows that are there.
        MfptError: A process of it failed.
    """
    tasks = _tasks(setting)
    rows: list[Row] = []
    interrupted = False
    for task, seed in itertools.product(tasks, setting.seeds):
        for row in _rows(setting, task, seed, only_kept=setting.runner.only_kept or interrupted):
            interrupted = interrupted or row.not_run == _INTERRUPTED
            rows.append(row)
    results = {"rows": [as_json(row) for row in rows], "rounds": setting.rounds, "seeds": list(setting.seeds)}
    study = Study("rivals", _caption(setting, tasks), COLUMNS, lines(rows), results, _figure(rows))
    if missing := sum(row.not_run in (_INTERRUPTED, _NOT_KEPT) for row in rows):
        state = f"{missing} of {len(rows)} rows are missing"
        raise Incomplete("rivals", state, interrupted=interrupted, partial=study if missing < len(rows) else None)
    return study


def _tasks(setting: Setting) -> list[_Task]:
    """Return a task for each family that the data folder holds; else the one that the command line names."""
    found = []
    for family in families_named(setting.named.families or tuple(_CHOICES)):
        if family.name not in _CHOICES:
            raise UsageError(f"rivals: it has {' and '.join(_CHOICES)}, and not {family.name}")
        if (source := family.source(setting.runner.data)) is not None:
            found.append(_task(setting, family.name, source, family.plan(setting.named.plan)))
    return found or [_task(setting, setting.name, setting.runner.data, setting.plan)]


def _task(setting: Setting, name: str, data: str, plan: Plan) -> _Task:
    choice = _CHOICES.get(name, _Choice(setting.languages, setting.usual.examples))
    return _Task(name, data, plan, setting.named.languages or choice.languages, setting.examples or choice.examples)


def _rows(setting: Setting, task: _Task, seed: int, *, only_kept: bool) -> Iterator[Row]:
    """Measure every system that was not measured before; or none, and yield what is there."""
    from reproduction.rivals_bench import Bench  # noqa: PLC0415 - imports torch
    from reproduction.rivals_job import holdings, job_for  # noqa: PLC0415 - imports torch
    from reproduction.rivals_ours import our_systems  # noqa: PLC0415 - imports torch
    from reproduction.rivals_systems import rival_systems  # noqa: PLC0415 - imports torch

    experiment = setting.experiment("mfpt", seed, plan=task.plan, languages=task.languages, examples=task.examples)
    held = holdings(experiment, task.data)
    job = job_for(experiment, held, cache_home() / "rivals-checkpoint")
    kept = KeptRows(cache_home() / "rivals", circumstances(task.data, "cpu"))
    environment = setting.rivals_env or cache_home() / "rivals-env"
    points = 1 if setting.quick else _GRID_POINTS
    with tempfile.TemporaryDirectory(prefix="mfpt-rivals-") as folder:
        bench = Bench(experiment, task.data, held, job, Path(folder), environment, points, _LIMIT_SECONDS, _say)
        for system, measure in {**rival_systems(), **our_systems()}.items():
            about = [task.name, task.plan.digest, asdict(job), points]
            if (row := kept.read(about, system)) is None:
                row = _not_run(system, task, seed, _NOT_KEPT)
                if not only_kept:
                    try:
                        row = Row(system, task.name, seed, **measure(bench))
                        kept.write(about, row)
                    except NotRun as reason:
                        row = _not_run(system, task, seed, str(reason))
                    except KeyboardInterrupt:
                        row, only_kept = _not_run(system, task, seed, _INTERRUPTED), True
            yield row


def _not_run(system: str, task: _Task, seed: int, reason: str) -> Row:
    return Row(system, task.name, seed, not_run=reason)


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _caption(setting: Setting, tasks: Sequence[_Task]) -> str:
    each = "; ".join(
        f"{task.name}: {', '.join(task.languages)} with {described(task.examples)} examples each" for task in tasks
    )
    grid = "the first point of" if setting.quick else "the best of three points of"
    return (
        f"{each}; {setting.rounds} rounds of the same number of epochs; {setting.seeds_text}. Accuracy on test "
        "examples in %. A probe has its penalty by cross-validation, other rivals "
        f"{grid} a grid of learning rates, by a fifth of each device's training examples, and then train on all of "
        "them; what choosing rates takes is not counted. Seconds: cold from the start of the first "
        "process, and of training from the start of the first round, to the end of the last; devices share this "
        "machine, with one thread each. Memory: resident, of a device's process and its children, where shared pages "
        "count once for each; of the whole, for a simulation and where there are no devices. Bytes of a round and "
        "device: arrays for Flower, payloads for mfpt. Against mfpt: points of accuracy, and all in which the system "
        "is better; simulations against the simulation, whose seconds include the tests of mfpt's. Pooled and central "
        "have everybody's texts in one place."
    )


def _figure(rows: Sequence[Row]) -> "Figure | None":
    tasks = list(dict.fromkeys(row.task for row in rows))
    systems = dict.fromkeys(row.system for row in rows if not row.not_run)
    drawn = {
        system: [
            averaged([row for row in rows if (row.task, row.system) == (task, system)], "accuracy") for task in tasks
        ]
        for system in systems
    }
    return plots.bars(tasks, drawn, None, "test accuracy", "What a user would pick instead") if drawn else None
