"""A trainer that only does arithmetic on the prompt state: deterministic, without a backbone, done at once."""

import threading
from collections.abc import Callable
from typing import Final

import stub_federation.trainer
from mfpt_shared.device.trainer import OnProgress, Tuned
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


class StubTrainer(stub_federation.trainer.StubTrainer):
    """The same, held by a gate."""

    def __init__(
        self, *, step: float = 0.0, examples: int = 10, fingerprint: str = "", gate: Gate | None = None
    ) -> None:
        super().__init__(step=step, examples=examples, fingerprint=fingerprint)
        self._gate = gate

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        on_progress(0.0, 1.0)
        if self._gate is not None:
            self._gate.wait(on_progress)
        return super().tune(start, epochs=epochs, seed=seed, on_progress=on_progress, hold_out=hold_out)


MakeTrainer = Callable[[], StubTrainer]
