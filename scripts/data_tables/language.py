"""One language of a data set, read and looked at as `mfpt-edge data show` does, then tuned on for one round."""

from pathlib import Path

import msgspec

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.commands.examining import examined
from mfpt_edge.data.findings import Finding
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_edge.data.splits import subsample
from mfpt_edge.tuning.backbone_trainer import BackboneTrainer
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import initial_state


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What the table says of one language.

    Attributes:
        set: Name of the data set.
        language: ISO 639-3 code.
        train: Examples to train on.
        test: Examples to test on.
        skipped: Reason -> rows.
        repaired: How labels of words were read that do not follow the plan's convention -> number of words.
        notes: What was guessed or decided.
        findings: What makes training useless, or is likely a mistake.
        trained_on: Examples that the round was made with.
        tested_on: Examples that it was tested on.
        accuracy: Accuracy after the round, by the task's own measure; None: there was no round.
        error: Why there is nothing else.
    """

    set: str
    language: str
    train: int = 0
    test: int = 0
    skipped: dict[str, int] = {}
    repaired: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    trained_on: int = 0
    tested_on: int = 0
    accuracy: float | None = None
    error: str = ""


def line_of(name: str, folder: Path, language: LanguageCode, plan: Plan, backbone: Backbone, most: int | None) -> Line:
    """Return the line of a language.

    Args:
        name: Name of the data set.
        folder: The language's data.
        language: The language.
        plan: Plan of the data set's task.
        backbone: Backbone of the plan.
        most: Largest number of examples to train and to test on, the same ones every time; None: all.
    """
    try:
        dataset = load_dataset(str(folder), language, plan.task.labels, kind=plan.task.kind)
        line = Line(
            set=name,
            language=language,
            train=len(dataset.train),
            test=len(dataset.test),
            skipped=dict(dataset.skipped),
            repaired=dict(dataset.repaired),
            notes=dataset.notes,
            findings=examined(dataset, plan, language),
        )
        return _trained(line, dataset, language, PromptModel(backbone, plan), most)
    except MfptError as error:
        return Line(set=name, language=language, error=str(error))


def _trained(line: Line, dataset: Dataset, language: LanguageCode, model: PromptModel, most: int | None) -> Line:
    """Make a round as the first one of a device that joins: from the first prompt, on the examples that it has."""
    train, test = (subsample(split, language, most or len(split)) for split in (dataset.train, dataset.test))
    trainer = BackboneTrainer(model, encode(model, train), encode(model, test))
    plan = model.plan
    tuned = trainer.tune(
        initial_state(plan), epochs=plan.training.epochs_for(len(train)), seed=0, on_progress=lambda *_: None
    )
    accuracy = trainer.test(tuned.state).accuracy if test else None
    return msgspec.structs.replace(line, trained_on=len(train), tested_on=len(test), accuracy=accuracy)
