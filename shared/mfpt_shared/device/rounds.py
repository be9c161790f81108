"""The rounds of a device: measure the received prompt, tune it, pack the difference, choose which prompt to keep.

Devices and the simulator share this code; only the trainer behind it knows texts and tensors.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mfpt_shared.device.held_out import HELD_ROUNDS
from mfpt_shared.device.trainer import Measured, OnProgress, Trainer
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Metrics, Prompt, Update, UpdateHeader
from mfpt_shared.tensors import PromptState, dense, difference, quantise_with_feedback

Origin = Literal["federated", "own"]


@dataclass(frozen=True, slots=True)
class Round:
    """The result of a round.

    Attributes:
        sequence: Number of the update.
        version: Version of the prompt that the round started from.
        loss: Mean training loss of the last epoch.
        accuracy: Accuracy of the prompt that it started from, on the validation examples; None if there are none.
        epochs: Number of epochs.
    """

    sequence: int
    version: int
    loss: float
    accuracy: float | None
    epochs: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prompt that a device could keep, measured on its validation examples.

    Attributes:
        origin: `federated`, as it came from the coordinator, or `own`, after a round of tuning on this device.
        version: Version of the federated prompt that it is, or was tuned from.
    """

    origin: Origin
    version: int
    state: PromptState
    measured: Measured


class Rounds:
    """Runs the rounds of a device, one at a time.

    Attributes:
        kept: The federated prompt, unless an own prompt is clearly better on the validation examples: by more than one
            standard error, or chance would choose. None before anything was measured.
    """

    def __init__(
        self,
        client: str,
        language: LanguageCode,
        plan: Plan,
        trainer: Trainer,
        clock: Callable[[], float],
        own: Prompt | None = None,
        held_rounds: int = HELD_ROUNDS,
    ) -> None:
        """Prepare for a plan.

        Args:
            client: Id of the device, hexadecimal.
            language: Language of the device.
            plan: Plan to follow.
            trainer: Trainer with the data of the device.
            clock: Time in seconds.
            own: Own prompt that the device kept in an earlier run; None if it kept none.
            held_rounds: Number of first rounds that leave the held-out examples out; 0 where nobody asks for more than
                the federation's prompt.
        """
        self.kept: Candidate | None = None
        self._client = client
        self._language = language
        self._plan = plan
        self._trainer = trainer
        self._clock = clock
        self._held_rounds = held_rounds
        self._residual: PromptState | None = None
        self._newest_own: Candidate | None = None
        self._best_own: Candidate | None = None
        if own is not None:
            self._tuned(own.header.version, dense(own.state))

    def judge(self, prompt: Prompt) -> Measured:
        """Measure a federated prompt on the validation examples, and choose which prompt to keep."""
        state = dense(prompt.state)
        measured = self._trainer.validate(state)
        federated = Candidate("federated", prompt.header.version, state, measured)
        own = self._best_own
        self.kept = own if own is not None and _clearly_better(own.measured, measured) else federated
        return measured

    def run(self, sequence: int, prompt: Prompt, on_progress: OnProgress) -> tuple[Update, Round]:
        """Run a round, and return its update.

        Args:
            sequence: Number of the update.
            prompt: Prompt to start from.
            on_progress: Called during the training; it may raise an error to cancel it.

        Raises:
            MfptError: The training diverged.
        """
        plan, trainer, began = self._plan, self._trainer, self._clock()
        version, start = prompt.header.version, dense(prompt.state)
        measured, before = self.judge(prompt), self._newest_own
        epochs = plan.training.epochs_for(trainer.examples)
        seed, hold_out = int(self._client, 16) ^ sequence, sequence <= self._held_rounds
        tuned = trainer.tune(start, epochs=epochs, seed=seed, on_progress=on_progress, hold_out=hold_out)
        if not all(np.isfinite(array).all() for array in tuned.state.values()):
            raise MfptError("training diverged: a tuned value is not finite; lower the plan's learning rates")
        self._tuned(version, tuned.state)
        delta = difference(tuned.state, start)
        packed, self._residual = quantise_with_feedback(delta, self._residual, plan.privacy.clip_norm)
        known = measured.examples > 0
        metrics = Metrics(
            loss=tuned.loss,
            accuracy=measured.accuracy if known else None,
            own_share=float(_clearly_better(before.measured, measured)) if known and before is not None else None,
            validated=measured.examples,
        )
        header = UpdateHeader(
            sequence=sequence,
            language=self._language,
            base_version=version,
            examples=trainer.examples,
            plan=plan.digest,
            backbone=trainer.fingerprint,
            metrics=metrics,
            seconds=max(0.0, self._clock() - began),
        )
        return Update(header, packed), Round(sequence, version, tuned.loss, metrics.accuracy, tuned.epochs)

    def _tuned(self, version: int, state: PromptState) -> None:
        """Remember a state that was tuned here."""
        own = Candidate("own", version, state, self._trainer.validate(state))
        self._newest_own = own
        if self._best_own is None or own.measured.accuracy >= self._best_own.measured.accuracy:
            self._best_own = own
        if self.kept is None or _clearly_better(own.measured, self.kept.measured):
            self.kept = own


def tune_alone(
    trainer: Trainer,
    start: PromptState,
    *,
    rounds: int,
    epochs: int,
    seed: int,
    on_progress: OnProgress = lambda *_: None,
) -> Iterator[PromptState]:
    """Tune without a federation, in rounds like those of a federation; yield the state after each.

    Raises:
        MfptError: The training diverged.
    """
    state = start
    for number in range(rounds):
        state = trainer.tune(state, epochs=epochs, seed=seed + number, on_progress=on_progress).state
        yield state


def _clearly_better(one: Measured, other: Measured) -> bool:
    """Tell whether an accuracy is higher by more than a standard error, which is at most 1 / (2 sqrt(n))."""
    return one.accuracy > other.accuracy + 0.5 / math.sqrt(max(1, one.examples))
