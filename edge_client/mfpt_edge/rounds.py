"""One round on a device: measure the prompt that came, train from it, pack the difference, keep it in the outbox."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mfpt_edge.device import Identity
from mfpt_edge.outbox import Outbox
from mfpt_shared.codec import encode
from mfpt_shared.errors import MfptError
from mfpt_shared.messages import Metrics, Prompt, Update, UpdateHeader
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import PromptState, dense, difference, quantise_with_feedback
from mfpt_shared.trainer import OnProgress, Trainer


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to.

    Attributes:
        version: of the prompt that it started from.
        loss: mean training loss of its last epoch.
        accuracy: of the prompt that it started from, on the validation examples; None if there are none.
        size: of the update, in bytes.
    """

    sequence: int
    version: int
    loss: float
    accuracy: float | None
    size: int


class Rounds:
    """Runs a device's rounds, one at a time, in a worker thread."""

    def __init__(
        self, identity: Identity, plan: Plan, trainer: Trainer, outbox: Outbox, clock: Callable[[], float]
    ) -> None:
        """Prepare for a plan; `clock` gives seconds."""
        self._identity = identity
        self._plan = plan
        self._trainer = trainer
        self._outbox = outbox
        self._clock = clock
        self._residual: PromptState | None = None

    def run(self, sequence: int, prompt: Prompt, on_progress: OnProgress) -> Round:
        """Run a round; its update is in the outbox when this returns.

        Args:
            sequence: number of the update.
            prompt: to start from.
            on_progress: may raise to cancel.

        Raises:
            MfptError: the training diverged.
        """
        plan, trainer, began = self._plan, self._trainer, self._clock()
        start = dense(prompt.state)
        measured = trainer.validate(start)
        seed = int(self._identity.client, 16) ^ sequence
        epochs = plan.training.epochs_for(trainer.examples)
        tuned = trainer.tune(start, epochs=epochs, seed=seed, on_progress=on_progress)
        if not all(np.isfinite(array).all() for array in tuned.state.values()):
            raise MfptError("training diverged: a tuned value is not finite; lower the plan's learning rates")
        delta = difference(tuned.state, start)
        packed, self._residual = quantise_with_feedback(delta, self._residual, plan.privacy.clip_norm)
        accuracy = measured.accuracy if measured.examples else None
        header = UpdateHeader(
            sequence=sequence,
            language=self._identity.language,
            base_version=prompt.header.version,
            examples=trainer.examples,
            plan=plan.digest,
            backbone=trainer.fingerprint,
            metrics=Metrics(loss=tuned.loss, accuracy=accuracy),
            seconds=max(0.0, self._clock() - began),
        )
        payload = encode(Update(header, packed))
        self._outbox.put(sequence, payload)
        return Round(sequence, prompt.header.version, tuned.loss, accuracy, len(payload))
