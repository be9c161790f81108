"""The data of a device that joins: read, put beside the plan, looked at, and asked about before anything is trained."""

import logging
from collections.abc import Sequence
from pathlib import Path

from mfpt_edge.commands.asking import agreed
from mfpt_edge.commands.examining import examined
from mfpt_edge.commands.join_config import DataSource
from mfpt_edge.commands.label_questions import agreed_labels, renamed_labels
from mfpt_edge.data.findings import Finding
from mfpt_edge.data.quality import consent_key, useless
from mfpt_edge.data.sources import Dataset, dataset_of, read_source
from mfpt_edge.engine.owner import Owner
from mfpt_edge.storage.answers import Answers
from mfpt_shared.environment import sentence
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan

_log = logging.getLogger(__name__)


def own_dataset(
    data: DataSource,
    language: LanguageCode,
    plan: Plan,
    *,
    folder: Path,
    max_download: int,
    yes: bool,
    owner: Owner,
) -> Dataset:
    """Return what a device trains and tests on under a plan.

    Args:
        data: What the owner says about it.
        language: Language of the device.
        plan: Plan of the federation.
        folder: State folder, where answers are kept.
        max_download: Bytes that a data set of the hub that the plan names may be.
        yes: Whether the owner goes on with data that teach nothing.
        owner: The owner, who may be asked.

    Raises:
        DatasetError: The data cannot be read, fit nothing of the plan, or teach nothing, and nobody wants that.
        UsageError: Neither the plan nor the owner says which data.
        NotAllowed: The data set of the hub is larger.
    """
    name = data.source or plan.task.data
    # A plan comes from the network: it may name public data, never a file on this device.
    if data.source is None and name != "cldr" and not name.startswith("hf:"):
        raise UsageError("the plan names no data that every device has: give your own with --data FILE")
    source = read_source(
        name,
        language,
        kind=plan.task.kind,
        columns=data.columns,
        labels=plan.task.labels,
        max_download=max_download if data.source is None else None,
    )
    labels = plan.task.labels
    renamed = agreed_labels(source, labels, renamed_labels(data.label_map, folder, labels), folder, owner)
    dataset = dataset_of(source, language, labels, renamed=renamed, max_examples=data.max_examples)
    _report(name, dataset)
    findings = examined(dataset, plan, language)
    for finding in findings:
        level = logging.INFO if finding.level == "note" else logging.WARNING
        _log.log(level, "data %s: %s: %s", name, finding.kind, finding.text)
    bad = useless(findings)
    if bad:
        _go_on(name, bad, Answers(folder), yes=yes, owner=owner)
    return dataset


def _report(name: str, dataset: Dataset) -> None:
    skipped = ", ".join(f"{count} x {reason}" for reason, count in dataset.skipped.items()) or "none"
    _log.info("data %s: %d to train, %d to test; skipped: %s", name, len(dataset.train), len(dataset.test), skipped)
    for note in dataset.notes:
        _log.info("data %s: %s", name, note.removeprefix(f"{name}: "))
    for how, words in dataset.repaired.items():
        _log.info("data %s: %d words with another label than the file's: %s", name, words, how)


def _go_on(name: str, bad: Sequence[Finding], answers: Answers, *, yes: bool, owner: Owner) -> None:
    """Ask whether to train on data that teach nothing, unless that was answered before."""
    keys = {consent_key(finding, name) for finding in bad}
    said = "\n".join(f"  {finding.text}" for finding in bad)
    is_wanted = yes or keys <= answers.given()
    if not is_wanted and not agreed(f"training on {name} teaches nothing:\n{said}\nTrain on it all the same?", owner):
        raise DatasetError(f"training on {name} teaches nothing; run join with --yes to go on all the same:\n{said}")
    try:
        answers.add(*keys)
    except OSError as error:
        _log.warning("this is asked again next time: %s", sentence(error))
