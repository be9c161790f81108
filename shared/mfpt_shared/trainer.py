"""What a federation needs of a device's training, as a protocol: the real one stands in `mfpt_edge.trainer`.

States go in and out as numpy arrays, so that nothing here needs a tensor library.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mfpt_shared.tensors import PromptState


@dataclass(frozen=True, slots=True)
class Measured:
    """Accuracy in 0..1 and mean cross-entropy over some examples."""

    accuracy: float
    loss: float
    examples: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """A tuned state, and the mean loss of its last epoch."""

    state: PromptState
    loss: float


OnProgress = Callable[[float, float], None]
"""Called with the share that is done, 0..1, and the newest loss. It may raise to cancel the training."""


class Trainer(Protocol):
    """One device's data and backbone, loaded for one plan."""

    @property
    def examples(self) -> int:
        """Number of training examples."""

    @property
    def fingerprint(self) -> str:
        """Of the backbone that is really loaded."""

    @property
    def device(self) -> str:
        """What it runs on, in a few words without names."""

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        """Train from a state.

        Raises:
            MfptError: the training diverged.
        """

    def validate(self, state: PromptState) -> Measured:
        """Measure a state on the validation examples."""

    def test(self, state: PromptState) -> Measured:
        """Measure a state on the test examples."""
