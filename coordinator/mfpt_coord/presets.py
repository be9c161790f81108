"""Ready-made plans for known tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_shared.backbones.describe import describe, is_e5
from mfpt_shared.errors import PlanError, UsageError
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptMethod, PromptSpec, Task, Training, made
from mfpt_shared.plan_files import plan_from_toml


@dataclass(frozen=True, slots=True)
class Preset:
    """A task, how to train for it on a device, and how to aggregate what the devices learn."""

    task: Task
    aggregation: Aggregation = Aggregation()
    training: Training = Training()


PRESETS: Final[Mapping[str, Preset]] = {
    # Names of things in more than two hundred languages, from Unicode's CLDR: the embedded data of every device. Every
    # language names things in its own way, and distant languages have little to teach it: sharper weights.
    "cldr": Preset(
        Task(labels=("country", "language", "currency", "unit", "city"), data="cldr"),
        Aggregation(buffer=4, proximity="fixed", temperature=0.3),
    ),
    # SIB-200, Adelani et al. 2024: topics of sentences from Flores-200 in 205 languages.
    "sib200": Preset(
        Task(labels=("science/technology", "travel", "politics", "sports", "health", "entertainment", "geography")),
    ),
    # XNLI, Conneau et al. 2018, and AfriXNLI, Adelani et al. 2024: does a hypothesis follow from a premise?
    "xnli": Preset(Task(labels=("entailment", "neutral", "contradiction"), kind="pairs")),
    # The embedded data again: a name in the device's language, completed with its English name.
    "cldr-names": Preset(Task(labels=(), kind="generation", data="cldr")),
    # MasakhaPOS, Dione et al. 2023: parts of speech of words in 20 African languages, by Universal Dependencies.
    "masakhapos": Preset(
        Task(
            labels=(
                *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM"),
                *("PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
            ),
            kind="tagging",
        ),
    ),
    # MasakhaNER 2.0, Adelani et al. 2022: persons, organisations, places and dates, in 20 African languages.
    "masakhaner": Preset(
        Task(
            labels=("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-DATE", "I-DATE"),
            kind="tagging",
        ),
    ),
    # MasakhaNEWS, Adelani et al. 2023: topics of news in 16 African languages; not every language has every topic.
    "masakhanews": Preset(
        Task(labels=("business", "entertainment", "health", "politics", "religion", "sports", "technology")),
    ),
    # AfriSenti, Muhammad et al. 2023: sentiment of tweets in 14 African languages, whose shares of labels differ much.
    "afrisenti": Preset(Task(labels=("positive", "neutral", "negative"))),
}


def preset(name: str) -> Preset:
    """Return a preset.

    Raises:
        UsageError: There is no preset of that name.
    """
    if name not in PRESETS:
        raise UsageError(f"there is no preset {name!r}; choose from {', '.join(PRESETS)}")
    return PRESETS[name]


def default_plan() -> Plan:
    """Return the plan of a coordinator that was given none: the embedded task on the bundled backbone."""
    return preset_plan("cldr")


def preset_plan(name: str) -> Plan:
    """Return the plan of a preset on the bundled backbone.

    Raises:
        UsageError: There is no preset of that name.
    """
    return plan_for(preset(name))


def plan_for(
    chosen: Preset,
    *,
    federation: str = "default",
    backbone: str = BackboneSpec().uri,
    method: PromptMethod = "late",
) -> Plan:
    """Return a checked plan for a task on a backbone.

    Args:
        chosen: Task, and how to train and aggregate for it.
        federation: Name of the federation.
        backbone: URI of the backbone; its size and fingerprint are looked up.
        method: Where the soft prompt enters.

    Raises:
        UsageError: The backbone is not there.
        PlanError: Task and backbone do not make a valid plan.
    """
    facts = describe(backbone)
    return made(
        Plan,
        federation=federation,
        task=chosen.task,
        aggregation=chosen.aggregation,
        training=chosen.training,
        backbone=BackboneSpec(
            uri=backbone,
            width=facts.width,
            layers=facts.layers,
            fingerprint=facts.fingerprint,
            # The prefix that the E5 family was trained with means nothing to other models.
            prefix=BackboneSpec().prefix if is_e5(backbone) else "",
        ),
        prompt=PromptSpec(method=method),
    )


def read_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        PlanError: The file cannot be read, or is not a valid plan.
    """
    try:
        return plan_from_toml(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise PlanError(
            f"cannot read the plan file {path}: {error.strerror}; `mfpt-coord plan init` writes one"
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(f"the plan file {path} is not UTF-8; save it as UTF-8") from error
