"""What a federation needs from training on a device, as a protocol; `mfpt_edge.tuning.backbone_trainer` implements it.

States go in and out as numpy arrays, so that nothing here needs a tensor library.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mfpt_shared.device.own_share import Trials
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan

if TYPE_CHECKING:  # numpy takes a while to import, and whoever only names methods needs none
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


def score(tallies: Iterable[Tally]) -> float:
    """Return 2 right / (given + wanted) over examples: accuracy or F1; 0 where nothing is given or wanted."""
    right, asked = 0, 0
    for tally in tallies:
        right, asked = right + tally.right, asked + tally.given + tally.wanted
    return 2 * right / asked if asked else 0.0


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

    state: "PromptState"
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

    def tune(
        self, start: "PromptState", *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        """Train from a state.

        Args:
            start: State to start from.
            epochs: Number of passes over the examples.
            seed: Order of the examples.
            on_progress: Called after every step; it may raise to cancel.
            hold_out: Whether to leave out the examples that `validate` measures on; see `held_out`.

        Raises:
            MfptError: The training diverged.
        """

    def validate(self, state: "PromptState") -> Measured:
        """Measure a state on the held-out third of the training examples, which it must not have been tuned on."""

    def test(self, state: "PromptState") -> Measured:
        """Measure a state on the test examples, with a tally of each."""

    def try_shares(self, state: "PromptState") -> Trials | None:
        """Fit a head of every share in `SHARES` to all but the held-out examples, and measure it on these.

        Args:
            state: Federated prompt, which must not have been tuned on the held-out examples.

        Returns:
            What was tried; None where there is no head, nothing to tell labels apart by, or nothing held out.
        """

    def with_own_head(self, state: "PromptState", share: float) -> "PromptState":
        """Return a federated prompt with a head of an own share, fitted to all training examples.

        Args:
            state: Federated prompt; returned as it is where there is no head, or nothing to tell labels apart by.
            share: Own share; at 0, the prompt is returned as it is.
        """


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
        words: Number of labelled words of every row; empty where each row has one label.
    """

    labels: Sequence[int]
    keys: Sequence[str]
    words: Sequence[int] = ()

    def answers(self, rows: Sequence[int]) -> int:
        """Return how many labels some rows have in all: one each, or one a word."""
        return sum(self.words[row] for row in rows) if self.words else len(rows)


class Laboratory(Protocol):
    """Labelled texts in several languages, and one backbone for the trainers of many simulated devices."""

    def content(self, language: LanguageCode) -> Content:
        """Return what can be shared out.

        Raises:
            DatasetError: There is nothing usable for this language.
        """

    def trainer(
        self,
        plan: Plan,
        shares: Sequence[Share],
        *,
        tested_on: Sequence[Share] | None = None,
        max_test: int | None = None,
    ) -> Trainer:
        """Return a trainer on these examples, which tests on the test examples of the same languages.

        Args:
            plan: Plan with the laboratory's own backbone.
            shares: One share for a device, several for pooled data; without rows, the trainer can only measure.
            tested_on: Training examples to test on; None: the test examples of the languages of `shares`.
            max_test: Largest number of test examples for each language, the same ones every time; None: all.
        """


class ColumnNames(NamedTuple):
    """Columns of every source to read, by the names that the user gave; where one is None, the usual names are tried.

    Attributes:
        text: The text, the first of a pair, or the words.
        label: The label, or the labels of the words.
        pair: The second text of a pair.
    """

    text: str | None = None
    label: str | None = None
    pair: str | None = None


class OpenLaboratory(Protocol):
    """What an entry point of the group `mfpt.trainers` names."""

    def __call__(
        self,
        plan: Plan,
        data: str,
        *,
        columns: ColumnNames | None,
        cache: Path | None,
        device: str,
        threads: int | None,
    ) -> Laboratory:
        """Load a backbone.

        Args:
            plan: Plan that names backbone and labels.
            data: `cldr`, or a folder with a folder or file for each language, named after it.
            columns: Columns of the files; None: the usual ones.
            cache: Folder for what takes long to compute and never changes; None: keep nothing.
            device: Auto, cpu or cuda.
            threads: Number of threads for matrix products; None: all cores.

        Raises:
            Incompatible: The backbone is not the plan's.
            UsageError: There is no such data.
        """
