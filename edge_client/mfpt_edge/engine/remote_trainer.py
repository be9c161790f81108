"""A trainer whose work is done by an engine, in another process. Needs no torch."""

from typing import TypeVar

from mfpt_edge.engine.engine import Engine, Job
from mfpt_edge.engine.messages import (
    FitHead,
    Fitted,
    Loaded,
    Measurement,
    Request,
    Test,
    Tried,
    TryShares,
    Tune,
    TunedState,
    Validate,
    pack,
    unpack,
)
from mfpt_edge.engine.owner import Owner
from mfpt_shared.device.own_share import Trials
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.tensors import PromptState

ResultT = TypeVar("ResultT")


class RemoteTrainer:
    """See `mfpt_shared.device.trainer.Trainer`. Only one thread at a time may use it.

    Its engine forgets what it has loaded when it rests or dies, and loads it again for the next call.
    """

    def __init__(self, engine: Engine, order: bytes, owner: Owner) -> None:
        """Load what is ordered.

        Args:
            engine: Where to; what it holds for another trainer, it gives up.
            order: What to load, as the engine's program understands it.
            owner: Whoever is asked about it.

        Raises:
            MfptError: It cannot be loaded.
        """
        self._engine = engine
        self._job = Job(order, owner, self._note)
        engine.call(self._job, None)

    def _note(self, loaded: Loaded) -> None:
        self._loaded = loaded

    @property
    def examples(self) -> int:
        """See Trainer.examples."""
        return self._loaded.examples

    @property
    def fingerprint(self) -> str:
        """See Trainer.fingerprint."""
        return self._loaded.fingerprint

    @property
    def device(self) -> str:
        """See Trainer.device."""
        return self._loaded.device

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        """See Trainer.tune. The engine waits while `on_progress` does."""
        tuned = self._call(Tune(pack(start), epochs, str(seed), hold_out), TunedState, on_progress)
        return Tuned(unpack(tuned.state), tuned.loss, tuned.epochs)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return _measured(self._call(Validate(pack(state)), Measurement))

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return _measured(self._call(Test(pack(state)), Measurement))

    def try_shares(self, state: PromptState) -> Trials | None:
        """See Trainer.try_shares."""
        tried = self._call(TryShares(pack(state)), Tried)
        return Trials(tried.shares, tried.losses, tried.answers, tried.accuracies) if tried.shares else None

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        """See Trainer.with_own_head."""
        return unpack(self._call(FitHead(pack(state), share), Fitted).state) if share > 0 else state

    def _call(self, request: Request, expected: type[ResultT], on_progress: OnProgress | None = None) -> ResultT:
        result = self._engine.call(self._job, request, on_progress)
        assert isinstance(result, expected), "every request has its own kind of answer"
        return result


def _measured(measurement: Measurement) -> Measured:
    return Measured(measurement.accuracy, measurement.loss, measurement.examples, measurement.tallies)
