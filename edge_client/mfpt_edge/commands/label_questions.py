"""What the labels of a device's data mean under the plan: said in a file, remembered, or asked one by one."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mfpt_edge.data.label_map import LEFT_OUT, map_lines, nearest, read_label_map
from mfpt_edge.data.label_readings import Contract, contract, read_labels
from mfpt_edge.data.names import comparable_name
from mfpt_edge.data.sources import Source
from mfpt_edge.data.table import listed
from mfpt_edge.engine.owner import Owner
from mfpt_edge.storage.label_answers import LabelAnswers
from mfpt_shared.environment import sentence
from mfpt_shared.texts import printable

_ASKED: Final = 20  # labels of one source; more would be a column of something else
_TRIES: Final = 3
_SHOWN: Final = 30
_WIDEST: Final = 30

_log = logging.getLogger(__name__)


def renamed_labels(label_map: Path | None, folder: Path | None, labels: tuple[str, ...]) -> dict[str, str]:
    """Return what labels of the data mean, as far as it was said.

    Args:
        label_map: File of `--label-map`, which counts before what was answered.
        folder: State folder with what was answered; None: there is none.
        labels: The plan's labels.

    Raises:
        DatasetError: The file cannot be read.
    """
    answers = LabelAnswers(folder).given(labels) if folder else {}
    return answers | (read_label_map(label_map) if label_map else {})


def agreed_labels(
    source: Source, labels: tuple[str, ...], renamed: Mapping[str, str], folder: Path, owner: Owner
) -> Mapping[str, str]:
    """Put the labels of the data beside the plan's, in the log, and ask about those that are none of the plan's.

    Args:
        source: The data.
        labels: The plan's labels.
        renamed: What was said before about what labels mean.
        folder: State folder, where answers are kept.
        owner: Owner of the device; where he cannot be asked, such rows are skipped.

    Returns:
        What all labels mean, as far as it is known now.

    Raises:
        DatasetError: A label was said to mean something that is no label of the plan.
    """
    if source.kind == "generation" or source.name == "cldr":
        return renamed
    found = _contract(source, labels, renamed)
    if found.unknown and len(found.unknown) <= _ASKED and owner.is_there():
        answers = _asked(source, found, labels, owner)
        renamed = {**renamed, **answers}
        _keep(folder, answers, labels)
        found = _contract(source, labels, renamed)
    for line in table(found):
        _log.info("%s", line)
    if found.unknown:
        lines = "; ".join(map_lines(found.unknown[:_SHOWN], labels))
        _log.warning("labels that are none of the plan's; say in a file for --label-map what they mean: %s", lines)
    return renamed


def table(found: Contract) -> list[str]:
    """Return the labels of a source beside the plan's, as lines."""
    shown = found.lines[:_SHOWN]
    names = [printable(line.label, _WIDEST) for line in shown]
    width, times = max(map(len, names), default=0), max((len(str(line.times)) for line in shown), default=0)
    lines = [
        f"label {name:<{width}}  {line.times:>{times}} x  {_meaning(line.label, line.meant)}"
        for name, line in zip(names, shown, strict=True)
    ]
    if len(found.lines) > len(shown):
        lines.append(f"and {len(found.lines) - len(shown)} more labels")
    if found.missing:
        lines.append(f"labels of the plan that these data lack: {listed(found.missing, _SHOWN)}")
    return lines


def _contract(source: Source, labels: Sequence[str], renamed: Mapping[str, str]) -> Contract:
    return contract(source.labels, labels, read_labels(source.labels, labels, source.kind, renamed))


def _meaning(label: str, meant: str | None) -> str:
    if meant is None:
        return "-> none of the plan's: skipped"
    return "as in the plan" if meant == label else f"-> {meant}"


def _asked(source: Source, found: Contract, labels: Sequence[str], owner: Owner) -> dict[str, str]:
    meant = ((label, _meant(label, source.labels[label], labels, owner)) for label in found.unknown)
    return {label: name for label, name in meant if name is not None}


def _meant(label: str, times: int, labels: Sequence[str], owner: Owner) -> str | None:
    """Return what the owner says that a label means; None: he gave no answer that could be understood."""
    likely = nearest(label, labels)
    question = "\n".join(
        [
            f"the data have the label {listed([label])} ({times} x), which is none of the plan's. Which one is it?",
            *(
                f"  {number} {printable(name)}{' (spelt alike)' * (name == likely)}"
                for number, name in enumerate(labels, start=1)
            ),
            "number or name; Enter leaves it out:",
        ]
    )
    names = {comparable_name(name): name for name in labels}
    names |= {str(number): name for number, name in enumerate(labels, start=1) if str(number) not in names}
    for _ in range(_TRIES):
        answer = comparable_name(owner.answer(question))
        if not answer:
            return LEFT_OUT
        if answer in names:
            return names[answer]
    return None


def _keep(folder: Path, answers: Mapping[str, str], labels: tuple[str, ...]) -> None:
    try:
        LabelAnswers(folder).keep(answers, labels)
    except OSError as error:
        _log.warning("what labels mean is asked again next time: %s", sentence(error))
