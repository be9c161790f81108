"""A trainer that only does arithmetic on the prompt state: deterministic, without a backbone, done at once."""

import threading
from collections.abc import Callable
from typing import Final

from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.tensors import PromptState
from support.inbox import SECONDS

_POLL_SECONDS: Final = 0.02


class Gate:
    """Holds a training until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def wait(self, on_progress: OnProgress) -> None:
        self.reached.set()
        for _ in range(round(SECONDS / _POLL_SECONDS)):
            if self.open.wait(_POLL_SECONDS):
                return
            on_progress(0.5, 1.0)  # raises when the training is cancelled
        raise AssertionError("nobody opened the gate")


class StubTrainer:
    """Each training adds `step` to every value; 0 makes a device that never changes anything. See `Trainer`."""

    def __init__(
        self, *, step: float = 0.0, examples: int = 10, fingerprint: str = "", gate: Gate | None = None
    ) -> None:
        self.examples = examples
        self.fingerprint = fingerprint
        self.device = "stub"
        self._step = step
        self._gate = gate

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        del epochs, seed
        on_progress(0.0, 1.0)
        if self._gate is not None:
            self._gate.wait(on_progress)
        on_progress(1.0, 1.0)
        return Tuned({name: array + array.dtype.type(self._step) for name, array in start.items()}, 1.0, epochs=1)

    def validate(self, state: PromptState) -> Measured:
        del state
        return Measured(accuracy=0.5, loss=1.0, examples=4)

    def test(self, state: PromptState) -> Measured:
        return self.validate(state)


MakeTrainer = Callable[[], StubTrainer]
