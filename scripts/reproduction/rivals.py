"""What a user would pick instead: accuracy, time, memory and bytes of each, on the same sentences.

A linear probe on frozen features, PEFT under Flower (a prompt, and LoRA), and full fine-tuning of all weights in one
place, beside mfpt; one after the other, each in processes of its own.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mfpt_coord import plots
from mfpt_coord.presets import PRESETS, preset_plan
from mfpt_coord.simulate.experiment import Examples
from mfpt_shared.errors import Interrupted, UsageError
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode, normalise
from mfpt_shared.plan import Plan
from reproduction.rivals_kept import KeptRows
from reproduction.rivals_rows import COLUMNS, Row, as_json, averaged, lines
from reproduction.runs import circumstances
from reproduction.setting import Setting
from reproduction.study import Study
from rivals.errors import NotRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LIMIT_SECONDS: Final = 1800.0
_GRID_POINTS: Final = 3


class Family(NamedTuple):
    """A task of the study, where the data folder has several: its languages, and examples of each."""

    languages: tuple[str, ...]
    examples: int


FAMILIES: Final = {
    "sib200": Family(("swh", "zul", "yor", "amh"), 35),
    "masakhapos": Family(("hau", "swa", "xho", "yor"), 15),
}


class _Task(NamedTuple):
    name: str
    data: Path
    plan: Plan
    languages: tuple[LanguageCode, ...]
    examples: int


def rivals(setting: Setting) -> Study:
    """Run the study."""
    tasks = _tasks(setting)
    try:
        rows = [row for task in tasks for seed in setting.seeds for row in _rows(setting, task, seed)]
    except KeyboardInterrupt:
        raise Interrupted("rivals: interrupted; run the same command again to go on") from None
    results = {"rows": [as_json(row) for row in rows], "rounds": setting.rounds, "seeds": list(setting.seeds)}
    return Study("rivals", _caption(setting, tasks), COLUMNS, lines(rows), results, _figure(rows))


def _number(examples: Examples) -> int:
    if isinstance(examples, int):
        return examples
    raise UsageError("rivals: --examples takes one number, the same for all languages")


def _tasks(setting: Setting) -> list[_Task]:
    """Return a task for each family that the data folder holds; else the one that the command line names."""
    data = Path(setting.runner.data)
    found = [name for name in FAMILIES if (data / name).is_dir() and name in PRESETS]
    if not found:
        if not setting.languages:
            raise UsageError("rivals: name --languages, or a folder that holds a folder for each family of tasks")
        return [_Task(setting.name, data, setting.plan, setting.languages, _number(setting.examples_each))]
    return [
        _Task(
            name,
            data / name,
            preset_plan(name),
            setting.languages or tuple(normalise(tag) for tag in FAMILIES[name].languages),
            _number(setting.examples or FAMILIES[name].examples),
        )
        for name in found
    ]


def _rows(setting: Setting, task: _Task, seed: int) -> Iterator[Row]:
    """Measure every system that was not measured before."""
    from reproduction.rivals_bench import Bench  # noqa: PLC0415 - imports torch
    from reproduction.rivals_job import holdings, job_for  # noqa: PLC0415 - imports torch
    from reproduction.rivals_ours import our_systems  # noqa: PLC0415 - imports torch
    from reproduction.rivals_systems import measured, rival_systems  # noqa: PLC0415 - imports torch

    experiment = setting.experiment("mfpt", seed, plan=task.plan, languages=task.languages, examples=task.examples)
    held = holdings(experiment, str(task.data))
    kept = KeptRows(cache_home() / "rivals", circumstances(str(task.data), "cpu"))
    with tempfile.TemporaryDirectory(prefix="mfpt-rivals-") as folder:
        job = job_for(experiment, held, cache_home() / "rivals-checkpoint")
        bench = Bench(
            task.name, experiment, str(task.data), held, job, Path(folder),
            setting.rivals_env or cache_home() / "rivals-env",
            points=1 if setting.quick else _GRID_POINTS, limit=_LIMIT_SECONDS, say=_say,
        )  # fmt: skip
        about = [task.name, asdict(job), bench.points]
        for system, measure in {**rival_systems(), **our_systems()}.items():
            row = kept.read(about, system)
            if row is None:
                row = Row(system, task.name, seed, not_run="--partial runs nothing")
                if not setting.runner.only_kept:
                    try:
                        row = measured(system, measure, bench)
                        kept.write(about, row)
                    except NotRun as reason:
                        row = Row(system, task.name, seed, not_run=str(reason))
            yield row


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _caption(setting: Setting, tasks: Sequence[_Task]) -> str:
    each = "; ".join(f"{task.name}: {', '.join(task.languages)} with {task.examples} examples each" for task in tasks)
    grid = "the first point of" if setting.quick else "the best of three points of"
    return (
        f"{each}; {setting.rounds} rounds of the same number of epochs; {setting.seeds_text}. Accuracy on test "
        f"examples in %. Rivals have {grid} a grid of learning rates, by a fifth of each device's training examples, "
        "and then train on all of them; what choosing takes is not counted. Seconds: cold from the start of the first "
        "process, and of training from the start of the first round, to the end of the last; devices share this "
        "machine, with one thread each. Memory: resident, of a device's process and its children, where shared pages "
        "count once for each; of the whole, for a simulation and where there are no devices. Bytes of a round and "
        "device: arrays for Flower, payloads for mfpt. Against mfpt: points of accuracy, and all in which the system "
        "is better; simulations against the simulation. Pooled and central have everybody's texts in one place."
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
