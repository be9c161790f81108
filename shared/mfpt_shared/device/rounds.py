"""The rounds of a device: make its personal prompt of the one received, tune that one, pack the difference.

Devices and the simulator share this code; only the trainer behind it knows texts and tensors.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from mfpt_shared.device.held_out import HELD_ROUNDS
from mfpt_shared.device.own_share import Trials, choose
from mfpt_shared.device.trainer import Measured, OnProgress, Trainer
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.cohort import Randomness
from mfpt_shared.masking.grid import grid
from mfpt_shared.masking.release import noisy_alone
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Metrics, Prompt, Tensors, Update, UpdateHeader
from mfpt_shared.tensors import (
    PromptState,
    clip_norm,
    dense,
    difference,
    quantise,
    quantise_with_feedback,
    total,
)


@dataclass(frozen=True, slots=True)
class Personal:
    """What a device uses of a federated prompt: the personal prompt.

    Attributes:
        version: Version of the federated prompt.
        state: Its virtual tokens, with a head of the own share; see `own_share`.
        share: Own share; 0: this is the federated prompt.
        measured: How the federated prompt did on the held-out examples; on none where it was tuned on them.
        chosen: Whether the share was chosen by these; False: there was nothing to choose by, and it is 0.
        trials: How heads of other shares did on them; None where none was tried.
    """

    version: int
    state: PromptState
    share: float
    measured: Measured
    chosen: bool = True
    trials: Trials | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """The result of a round.

    Attributes:
        sequence: Number of the update.
        version: Version of the prompt that the round started from.
        loss: Mean training loss of the last epoch.
        accuracy: Accuracy of the prompt that it started from, on the held-out examples; None where it was tuned on
            these.
        epochs: Number of epochs.
        personal: What the device uses of the prompt that it started from.
        on_all: Whether it trained on all examples; False: without the held-out ones. The loss of one that did cannot be
            compared with that of one that did not.
    """

    sequence: int
    version: int
    loss: float
    accuracy: float | None
    epochs: int
    personal: Personal
    on_all: bool = True


class Rounds:
    """Runs the rounds of a device, one at a time, and makes its personal prompts.

    The first rounds leave the held-out examples out, so that the prompts which come before the round after them tell
    what a head of its own is worth to the device. What was chosen by then stays.
    """

    def __init__(
        self,
        client: str,
        language: LanguageCode,
        plan: Plan,
        trainer: Trainer,
        clock: Callable[[], float],
        share: float | None = None,
        held_rounds: int = HELD_ROUNDS,
        first: int = 1,
        randomness: Randomness = secrets.token_bytes,
    ) -> None:
        """Prepare for a plan.

        Args:
            client: Id of the device, hexadecimal.
            language: Language of the device.
            plan: Plan to follow.
            trainer: Trainer with the data of the device.
            clock: Time in seconds.
            share: Own share that was chosen in an earlier run; None: none was.
            held_rounds: Number of first rounds that leave the held-out examples out; 0 where nobody asks for more than
                the federation's prompt.
            first: Number of the device's first round under this plan.
            randomness: Where noise comes from.
        """
        self._client = client
        self._language = language
        self._plan = plan
        self._trainer = trainer
        self._clock = clock
        self._share = share
        self._unseen = share is None
        self._held_rounds = held_rounds
        self._first = first
        self._randomness = randomness
        self._residual: PromptState | None = None
        self._ahead: tuple[PromptState, ...] = ()

    def personal(self, prompt: Prompt) -> Personal:
        """Return what the device uses of a federated prompt; choose its own share, where that is not settled yet."""
        version, state = prompt.header.version, dense(prompt.state)
        measured = self._trainer.validate(state) if self._unseen else Measured(0.0, 0.0, 0)
        trials = None
        if self._unseen or self._share is None:
            trials = self._trainer.try_shares(state)
            self._share = None if trials is None else choose(trials, prompt.header.own_share)
        share = self._share or 0.0
        chosen = self._share is not None
        return Personal(version, self._trainer.with_own_head(state, share), share, measured, chosen, trials)

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
        made = sequence - self._first
        self._unseen = 0 < self._held_rounds >= made
        personal = self.personal(prompt)
        measured = personal.measured
        epochs = plan.training.epochs_for(trainer.examples)
        seed, hold_out = int(self._client, 16) ^ sequence, made < self._held_rounds
        tuned = trainer.tune(
            reduce(total, self._ahead, start), epochs=epochs, seed=seed, on_progress=on_progress, hold_out=hold_out
        )
        if not all(np.isfinite(array).all() for array in tuned.state.values()):
            raise MfptError("training diverged: a tuned value is not finite; lower the plan's learning rates")
        self._unseen = hold_out
        seconds = max(0.0, self._clock() - began)  # without the time that noise takes, which depends on what is drawn
        packed = self._packed(difference(tuned.state, start))
        self._ahead = ()
        accuracy = measured.accuracy if measured.examples else None
        metrics = Metrics(
            loss=tuned.loss,
            accuracy=accuracy,
            own_share=self._share,
            validated=measured.examples,
        )
        header = UpdateHeader(
            sequence=sequence,
            language=self._language,
            base_version=version,
            examples=trainer.examples,
            plan=plan.digest,
            backbone=trainer.fingerprint,
            metrics=Metrics() if plan.privacy.noise != "none" else metrics,  # they would go out without noise
            seconds=seconds,
        )
        done = Round(sequence, version, tuned.loss, accuracy, tuned.epochs, personal, on_all=not hold_out)
        return Update(header, packed), done

    def carry(self, left: PromptState) -> None:
        """Let the next update bring in what the grid of masked updates left out of an earlier one."""
        self._residual = left if self._residual is None else total(self._residual, left)

    def go_on_from(self, changes: Sequence[PromptState]) -> None:
        """Let the next round go on where earlier ones ended, whose updates left for sums that came to nothing.

        The next update brings in these as well. If they were only added to it, a device that trains from the same
        version again would take the same step twice.

        Args:
            changes: The updates, all of them.
        """
        self._ahead = tuple(changes)

    def _packed(self, delta: PromptState) -> Tensors:
        """Return what an update holds: 8 bits, or where the plan has masks, which need a grid of their own, 32.

        What rounding leaves out is carried into the next update; local noise is not.
        """
        privacy, residual = self._plan.privacy, self._residual
        wanted = delta if residual is None else total(delta, residual)
        if privacy.is_masked:
            self._residual = None
            return clip_norm(wanted, privacy.clip_norm)
        if privacy.noise == "none":
            packed, self._residual = quantise_with_feedback(delta, residual, privacy.clip_norm)
            return packed
        noisy, self._residual = noisy_alone(wanted, grid(self._plan), self._randomness)
        return {name: quantise(array) for name, array in noisy.items()}


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
