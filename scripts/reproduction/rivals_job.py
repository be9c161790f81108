"""What every system of the study gets: the same sentences, by the simulator's own partition."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from edge_bench import checkpoint
from mfpt_coord.simulate.experiment import Experiment
from mfpt_coord.simulate.partition import share_out
from mfpt_edge.backbone.fourbit import compute_dtype
from mfpt_edge.data.example import Example
from mfpt_edge.data.language_folders import find_language
from mfpt_edge.data.sources import load_dataset
from mfpt_edge.tuning.laboratory import BackboneLaboratory
from mfpt_shared.backbones.describe import parse_uri
from mfpt_shared.errors import UsageError
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan, Task
from rivals.job import Device, Item, Job, Kind


@dataclass(frozen=True, slots=True)
class Holding:
    """The sentences of one device, as mfpt reads them."""

    language: LanguageCode
    train: tuple[Example, ...]
    test: tuple[Example, ...]


def holdings(experiment: Experiment, data: str) -> tuple[Holding, ...]:
    """Share the data out as the simulator does.

    Raises:
        UsageError: It cannot be shared out as asked.
        DatasetError: A language has nothing usable.
    """
    plan, task = experiment.plan, experiment.plan.task
    laboratory = BackboneLaboratory(plan, data, cache=cache_home(), device="cpu", threads=None)
    found = []
    for share in share_out(experiment, laboratory):
        source = str(find_language(Path(data), share.language, task.kind))
        dataset = load_dataset(source, share.language, task.labels, kind=task.kind, development=False)
        train = tuple(dataset.train[row] for row in share.rows)
        found.append(Holding(share.language, train, tuple(dataset.test)))
    return tuple(found)


def job_for(experiment: Experiment, held: tuple[Holding, ...], folder: Path) -> Job:
    """Return what the rivals read.

    Args:
        experiment: Plan, rounds and seed.
        held: Sentences of each device.
        folder: Gets the bundled backbone for transformers, where the plan has it.

    Raises:
        UsageError: Rivals cannot do the task, or it is judged by something else than accuracy.
    """
    plan = experiment.plan
    return Job(
        kind=_kind(plan.task),
        labels=len(plan.task.labels),
        prefix=plan.backbone.prefix,
        max_tokens=plan.training.max_tokens,
        batch=plan.training.batch_size,
        rounds=experiment.rounds,
        epochs=max(plan.training.epochs_for(len(one.train)) for one in held),
        compute=str(compute_dtype(torch.device("cpu"))).removeprefix("torch."),
        checkpoint=str(_checkpoint(plan, folder)),
        seed=experiment.seed,
        devices=tuple(Device(one.language, _items(one.train), _items(one.test)) for one in held),
    )


def _kind(task: Task) -> Kind:
    if task.kind not in ("classification", "tagging"):
        raise UsageError(f"rivals: a task of kind {task.kind} has none here; take one with labels for texts or words")
    if task.metric == "f1":
        raise UsageError("rivals: it compares accuracies, and this task is judged by F1; take one without B- labels")
    return "tagging" if task.tags_words else "classification"


def _items(examples: tuple[Example, ...]) -> tuple[Item, ...]:
    return tuple(Item(one.words, one.tags) if one.words else Item((one.text,), (one.label,)) for one in examples)


def write_data(task: Task, held: Holding, folder: Path) -> Path:
    """Write a device's sentences as its owner would have them: a folder with train and test files."""
    place = folder / held.language
    place.mkdir(parents=True)
    for split, examples in (("train", held.train), ("test", held.test)):
        lines = [json.dumps(_plain(task, one), ensure_ascii=False) for one in examples]
        (place / f"{split}.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return place


def _plain(task: Task, one: Example) -> dict[str, object]:
    if one.words:
        return {"tokens": list(one.words), "tags": [task.labels[tag] for tag in one.tags]}
    return {"text": one.text, "label": task.labels[one.label]}


def _checkpoint(plan: Plan, folder: Path) -> Path:
    """Return a folder with the plan's backbone for transformers; the bundled one is written there first."""
    address = parse_uri(plan.backbone.uri)
    if address.scheme == "path":
        return Path(address.name)
    if not (folder / "config.json").exists():
        checkpoint.main(folder)
    return folder
