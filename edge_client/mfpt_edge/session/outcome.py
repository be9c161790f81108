"""What a federation was good for: the prompts of one device, measured on its test examples when it leaves."""

import logging
from dataclasses import dataclass

from mfpt_shared.device.rounds import Personal, tune_alone
from mfpt_shared.device.trainer import OnProgress, Trainer
from mfpt_shared.protocol.messages import Prompt
from mfpt_shared.tensors import PromptState, dense

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Accuracies on the test examples, 0..1; None where there are no test examples.

    Attributes:
        version: Version of the federation's newest prompt.
        examples: Number of training examples.
        test_examples: Number of test examples.
        own_share: How much of its own the personal prompt has; 0: it is the federation's newest prompt.
        accuracy_before: Accuracy of the federation's first prompt that came.
        accuracy_after: Accuracy of the federation's newest prompt.
        accuracy_personal: Accuracy of the personal prompt.
        accuracy_alone: Accuracy of a prompt tuned alone; None if none was.
    """

    version: int
    examples: int
    test_examples: int
    own_share: float
    accuracy_before: float | None
    accuracy_after: float | None
    accuracy_personal: float | None
    accuracy_alone: float | None


def measure(
    trainer: Trainer,
    first: Prompt,
    newest: Prompt,
    personal: Personal,
    *,
    rounds_alone: int,
    epochs: int,
    on_progress: OnProgress,
) -> Outcome:
    """Measure first, newest and personal prompt, and one tuned alone from the first.

    Args:
        trainer: Data and backbone of the device.
        first: First prompt of the federation that came.
        newest: Newest prompt of the federation.
        personal: What the device uses of the newest.
        rounds_alone: Number of rounds to tune alone; 0: do not.
        epochs: Number of epochs in each of these rounds.
        on_progress: Called while tuning alone; may raise to end it.

    Raises:
        MfptError: The training diverged.
    """
    start = dense(first.state)
    before, after = trainer.test(start), trainer.test(dense(newest.state))
    used = trainer.test(personal.state) if personal.share else after
    tested = before.examples > 0
    alone = None
    if rounds_alone and tested:
        _log.info("tuning alone for %d rounds, for comparison (--no-alone skips this)", rounds_alone)
        alone = _accuracy_alone(trainer, start, rounds_alone, epochs, on_progress)
    return Outcome(
        version=newest.header.version,
        examples=trainer.examples,
        test_examples=before.examples,
        own_share=personal.share,
        accuracy_before=before.accuracy if tested else None,
        accuracy_after=after.accuracy if tested else None,
        accuracy_personal=used.accuracy if tested else None,
        accuracy_alone=alone,
    )


def _accuracy_alone(trainer: Trainer, start: PromptState, rounds: int, epochs: int, on_progress: OnProgress) -> float:
    *_, last = tune_alone(trainer, start, rounds=rounds, epochs=epochs, seed=0, on_progress=on_progress)
    return trainer.test(last).accuracy
