"""What a federation needs from training on a device, as a protocol; `mfpt_edge.tuning.backbone_trainer` implements it.

States go in and out as numpy arrays, so that nothing here needs a tensor library.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import PromptState


class Tally(NamedTuple):
    """How the answers to one example compare with what is right.

    Over any set of examples, 2 right / (given + wanted) is their accuracy where each asks for one answer or for one a
    word, and the micro-averaged F1 where it asks for entities.

    Attributes:
        right: Number of right answers.
        given: Number of answers given.
        wanted: Number of answers that would be right.
    """

    right: int
    given: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Measured:
    """How a prompt did on some examples.

    Attributes:
        accuracy: In 0..1: the share of right answers, or F1 where the task's labels are those of entities.
        loss: Mean cross-entropy.
        examples: Number of examples.
        tallies: Tally of every example, in order; empty where nobody asked for them.
    """

    accuracy: float
    loss: float
    examples: int
    tallies: tuple[Tally, ...] = ()


@dataclass(frozen=True, slots=True)
class Tuned:
    """A tuned state, the mean loss of the last epoch, and the number of epochs; 0 for a closed form."""

    state: PromptState
    loss: float
    epochs: int


OnProgress = Callable[[float, float], None]
"""Called with the share that is over, 0..1, and the newest loss. It may raise an error to cancel the training."""


class Trainer(Protocol):
    """One device's data and backbone, loaded for one plan."""

    @property
    def examples(self) -> int:
        """Number of training examples."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the backbone that is loaded."""

    @property
    def device(self) -> str:
        """Hardware that it runs on, in a few words without names."""

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        """Train from a state.

        Raises:
            MfptError: The training diverged.
        """

    def validate(self, state: PromptState) -> Measured:
        """Measure a state on the validation examples."""

    def test(self, state: PromptState) -> Measured:
        """Measure a state on the test examples."""


@dataclass(frozen=True, slots=True)
class Share:
    """Training examples of a language, by row: those of one simulated device."""

    language: LanguageCode
    rows: Sequence[int]


@dataclass(frozen=True, slots=True)
class Content:
    """What a simulator must know about the training examples of a language to share them out; no texts.

    Attributes:
        labels: Label of every row, as an index into the plan's labels.
        keys: Key of every row: the same for translations of one sentence, and different for different sentences.
    """

    labels: Sequence[int]
    keys: Sequence[str]


class Laboratory(Protocol):
    """Labelled texts in several languages, and one backbone for the trainers of many simulated devices."""

    def content(self, language: LanguageCode) -> Content:
        """Return what can be shared out.

        Raises:
            DatasetError: There is nothing usable for this language.
        """

    def trainer(
        self, plan: Plan, shares: Sequence[Share], *, max_validation: int | None = None, max_test: int | None = None
    ) -> Trainer:
        """Return a trainer on these examples, which validates and tests on the held-out ones of the same languages.

        Args:
            plan: Plan with the laboratory's own backbone.
            shares: One share for a device, several for pooled data; without rows, the trainer can only measure.
            max_validation: Largest number of validation examples for each language; None: all.
            max_test: Largest number of test examples for each language, the same ones every time; None: all.
        """


class OpenLaboratory(Protocol):
    """What an entry point of the group `mfpt.trainers` names."""

    def __call__(self, plan: Plan, data: str, *, cache: Path | None, device: str, threads: int | None) -> Laboratory:
        """Load a backbone.

        Args:
            plan: Plan that names backbone and labels.
            data: `cldr`, or a folder with a folder or file for each language, named after it.
            cache: Folder for what takes long to compute and never changes; None: keep nothing.
            device: Auto, cpu or cuda.
            threads: Number of threads for matrix products; None: all cores.

        Raises:
            Incompatible: The backbone is not the plan's.
            UsageError: There is no such data.
        """
