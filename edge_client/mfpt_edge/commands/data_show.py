"""`mfpt-edge data show`: how a data set would be read, and what is odd about it, before anything is trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_edge.commands.data_options import (
    DataOption,
    LabelColumnOption,
    LabelMapOption,
    PairColumnOption,
    TextColumnOption,
)
from mfpt_edge.commands.options import (
    FederationOption,
    JsonOption,
    StateDirOption,
    device_folder,
    show,
)
from mfpt_shared.command_line import say
from mfpt_shared.plan import TaskKind

if TYPE_CHECKING:
    from mfpt_edge.data.sources import Source
    from mfpt_edge.storage.device_folder import DeviceFolder
    from mfpt_shared.plan import Plan, Task


def data_show(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", show_default=False, help="Your examples, as for --data.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option("--lang", help="Language of the texts, such as sw; without it, it is not looked at.")
    ] = None,
    data: DataOption = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Labels, separated by commas; default: the plan's where there is one, else the data's."),
    ] = None,
    kind: Annotated[
        TaskKind | None,
        typer.Option(help="Kind of task; default: the plan's where there is one, else what the name of the file says."),
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    label_map: LabelMapOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a data set would be read: splits, labels, skipped rows, what is odd about it, and three examples."""
    from mfpt_edge.commands.display import summary_table
    from mfpt_edge.commands.examining import examined
    from mfpt_edge.commands.label_questions import renamed_labels
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.data.sources import dataset_of, read_source
    from mfpt_edge.data.summary import describe
    from mfpt_shared.languages import UNDETERMINED, given_language, named
    from mfpt_shared.plan import Plan

    name = _source(file, data, lang)
    language = UNDETERMINED if lang is None else given_language(lang)
    if lang is not None:
        say(f"language: {named(language)}", err=True)
    folder = _folder(lang, federation, state_dir)
    plan = _plan(name, labels, kind, folder)
    source = read_source(
        name,
        language,
        kind=plan.task.kind if plan else kind_of(name, kind),
        columns=Columns(text_column, label_column, pair_column),
        labels=plan.task.labels if plan else (),
    )
    notes: tuple[str, ...] = ()
    if plan is None:
        plan = Plan(task=task_of(source))
        notes = ("the labels are those of the data: there is no plan here, and --labels is not given",)
    renamed = renamed_labels(label_map, folder.path if folder else None, plan.task.labels)
    dataset = dataset_of(source, language, plan.task.labels, renamed=renamed)
    show(describe(dataset, plan.task.labels, examined(dataset, plan, language), notes), as_json, summary_table)


def _source(file: str | None, data: str | None, lang: str | None) -> str:
    from mfpt_shared.errors import UsageError

    if file is not None and data is not None:
        raise UsageError(f"{file} and --data {data}: give one of them")
    if file is not None and not file.strip():
        raise UsageError("the name of the file is empty")
    source = file or data or "cldr"
    if source == "cldr" and lang is None:
        raise UsageError("name a file, or a language with --lang: the embedded data are there in more than 200")
    return source


def _folder(lang: str | None, federation: str, state_dir: Path | None) -> "DeviceFolder | None":
    from mfpt_edge.storage.device_folder import DeviceFolder

    if lang is not None:
        return device_folder(lang, federation, state_dir)
    return DeviceFolder(state_dir.absolute()) if state_dir is not None else None


def _plan(source: str, labels: str | None, kind: TaskKind | None, folder: "DeviceFolder | None") -> "Plan | None":
    """Return the plan that the options mean, or the one of the device; None: there is none."""
    from mfpt_edge.data.cldr import CLDR_LABELS
    from mfpt_shared.errors import UsageError
    from mfpt_shared.plan import Plan, Task, labels_from

    if labels is not None and kind == "generation":
        raise UsageError("give --labels or --kind generation, not both: completions have no labels")
    if labels is not None:
        return Plan(task=Task(labels=labels_from(labels), kind=kind_of(source, kind)))
    if kind == "generation":
        return Plan(task=Task(labels=(), kind=kind))
    if source == "cldr":
        return Plan(task=Task(labels=CLDR_LABELS))
    try:
        return folder.plan() if folder else None
    except UsageError:  # the device has not joined yet
        return None


def kind_of(source: str, kind: TaskKind | None) -> TaskKind:
    """Return the kind of task that data are for, where no plan says it: the one that is named, or what a name shows."""
    from mfpt_edge.data.conll import CONLL_SUFFIXES
    from mfpt_edge.data.file_names import suffix_of

    if kind is not None:
        return kind
    return "tagging" if suffix_of(Path(source)) in CONLL_SUFFIXES else "classification"


def task_of(source: "Source") -> "Task":
    """Return the task that data are for, where no plan says it: with the labels that are in them.

    Raises:
        DatasetError: There are too many, or none.
    """
    from mfpt_edge.data.labels import own_labels
    from mfpt_shared.errors import DatasetError
    from mfpt_shared.plan import Task

    labels = own_labels(source.labels)
    if not source.labels:
        raise DatasetError(f"{source.name}: it has no row with a label")
    if not labels:
        raise DatasetError(
            f"{source.name}: no labels can be told from its {len(source.labels)} different ones; name them with "
            "--labels, or another column with --label-column"
        )
    return Task(labels=labels, kind=source.kind)
