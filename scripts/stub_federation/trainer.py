"""A trainer that needs no backbone."""

import threading

from mfpt_shared.device.own_share import Trials
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.tensors import PromptState


class StubTrainer:
    """Takes its time, and adds a little to every value. See mfpt_shared.device.trainer.Trainer."""

    device = "stub"

    def __init__(self, seconds: float = 0.0, step: float = 0.0, *, examples: int = 10, fingerprint: str = "") -> None:
        """Prepare.

        Args:
            seconds: Time that a training takes.
            step: What it adds to every value; 0 makes a device that never changes anything.
            examples: Number of examples that it claims.
            fingerprint: Fingerprint of its backbone.
        """
        self.examples = examples
        self.fingerprint = fingerprint
        self._seconds = seconds
        self._step = step
        self._never = threading.Event()

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        """See Trainer.tune."""
        if self._seconds:
            self._never.wait(self._seconds)
        on_progress(1.0, 1.0)
        return Tuned({name: array + array.dtype.type(self._step) for name, array in start.items()}, 1.0, epochs=1)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return Measured(0.5, 1.0, 4)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return self.validate(state)

    def try_shares(self, state: PromptState) -> Trials | None:
        """See Trainer.try_shares; there is nothing to fit a head to."""
        del state
        return None

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        """See Trainer.with_own_head."""
        del share
        return state
