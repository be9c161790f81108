"""A limit for the time that a round takes, whatever a plan asks for. Needs no torch."""

from collections.abc import Callable

from mfpt_shared.device.own_share import Trials
from mfpt_shared.device.trainer import Measured, OnProgress, Trainer, Tuned
from mfpt_shared.errors import MfptError
from mfpt_shared.tensors import PromptState


class TimeLimitedTrainer:
    """A trainer whose rounds end, without a result, when they take too long; pauses do not count.

    See `mfpt_shared.device.trainer.Trainer`.
    """

    def __init__(self, trainer: Trainer, seconds: float, clock: Callable[[], float]) -> None:
        """Wrap a trainer.

        Args:
            trainer: Trainer to limit.
            seconds: Longest time that `tune` may compute.
            clock: Returns the time, seconds.
        """
        self._trainer = trainer
        self._seconds = seconds
        self._clock = clock

    @property
    def examples(self) -> int:
        """See Trainer.examples."""
        return self._trainer.examples

    @property
    def fingerprint(self) -> str:
        """See Trainer.fingerprint."""
        return self._trainer.fingerprint

    @property
    def device(self) -> str:
        """See Trainer.device."""
        return self._trainer.device

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        """See Trainer.tune; what `on_progress` takes is a pause, and does not count.

        Raises:
            MfptError: It took too long.
        """
        left, since = self._seconds, self._clock()

        def report(share: float, loss: float) -> None:
            nonlocal left, since
            left -= self._clock() - since
            if left < 0 and share < 1:
                raise MfptError(
                    f"the round was ended after {self._seconds:.0f} s, with {share:.0%} of it done: the plan asks for "
                    "more than this device gives (--max-round-time)"
                )
            on_progress(share, loss)
            since = self._clock()

        return self._trainer.tune(start, epochs=epochs, seed=seed, on_progress=report, hold_out=hold_out)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return self._trainer.validate(state)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return self._trainer.test(state)

    def try_shares(self, state: PromptState) -> Trials | None:
        """See Trainer.try_shares."""
        return self._trainer.try_shares(state)

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        """See Trainer.with_own_head."""
        return self._trainer.with_own_head(state, share)
