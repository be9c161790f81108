"""References without a federation: every device alone, and one device with everybody's examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mfpt_coord.simulate.experiment import Experiment, OnProgress, Outcome, means
from mfpt_coord.simulate.partition import device_seed
from mfpt_coord.simulate.tallies import Tallies, summed
from mfpt_shared.device.rounds import tune_alone
from mfpt_shared.device.trainer import Laboratory, Measured, Share, Trainer
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import PromptState, initial_state


@dataclass(frozen=True, slots=True)
class _Tuned:
    """What tuning for all rounds came to.

    Attributes:
        last: State after the last round.
        best: State after the round that did best on the validation examples.
        accuracy: Validation accuracy of the best state.
    """

    last: PromptState
    best: PromptState
    accuracy: float


def local(experiment: Experiment, laboratory: Laboratory, shares: Sequence[Share], on_progress: OnProgress) -> Outcome:
    """Tune every device alone, for as many epochs as it would have trained in the federation."""
    last: dict[LanguageCode, list[Measured]] = {}
    used: dict[LanguageCode, list[Measured]] = {}
    validated: dict[LanguageCode, list[float]] = {}
    for place, share in enumerate(shares):
        trainer = laboratory.trainer(
            experiment.plan, [share], max_validation=experiment.validation_limit, max_test=experiment.max_test
        )
        epochs = experiment.plan.training.epochs_for(trainer.examples)
        tuned = _tune(experiment, trainer, epochs, place, len(shares), on_progress)
        last.setdefault(share.language, []).append(trainer.test(tuned.last))
        used.setdefault(share.language, []).append(trainer.test(tuned.best))
        validated.setdefault(share.language, []).append(tuned.accuracy)
    return Outcome(
        method="local",
        seed=experiment.seed,
        accuracy=_accuracies(last),
        used=_accuracies(used),
        tallies=_tallies(last),
        used_tallies=_tallies(used),
        validation=means(validated),
    )


def central(
    experiment: Experiment, laboratory: Laboratory, shares: Sequence[Share], on_progress: OnProgress
) -> Outcome:
    """Tune one device with everybody's examples: the upper reference, which no federation is allowed."""
    everything = laboratory.trainer(experiment.plan, shares, max_validation=experiment.validation_limit)
    # As many passes over every example as in the federation, whose rounds have a least number of steps.
    epochs = max(experiment.plan.training.epochs_for(len(share.rows)) for share in shares)
    tuned = _tune(experiment, everything, epochs, 0, 1, on_progress)
    last, best = (_tested(experiment, laboratory, state) for state in (tuned.last, tuned.best))
    return Outcome(
        method="central",
        seed=experiment.seed,
        accuracy=_accuracies(last),
        used=_accuracies(best),
        tallies=_tallies(last),
        used_tallies=_tallies(best),
    )


def _tune(
    experiment: Experiment, trainer: Trainer, epochs: int, place: int, devices: int, on_progress: OnProgress
) -> _Tuned:
    """Tune one device for all rounds; `place` is its place among the devices."""
    states: list[PromptState] = []
    scores: list[float] = []
    start, seed = initial_state(experiment.plan), device_seed(experiment, place)
    for state in tune_alone(trainer, start, rounds=experiment.rounds, epochs=epochs, seed=seed):
        states.append(state)
        scores.append(trainer.validate(state).accuracy)
        on_progress((place + len(states) / experiment.rounds) / devices)
    best = int(np.argmax(scores))
    return _Tuned(states[-1], states[best], scores[best])


def _tested(experiment: Experiment, laboratory: Laboratory, state: PromptState) -> dict[LanguageCode, list[Measured]]:
    """Return how one state does on the test examples of every language."""
    trainers = {
        tag: laboratory.trainer(experiment.plan, [Share(tag, ())], max_test=experiment.max_test)
        for tag in experiment.languages
    }
    return {language: [trainer.test(state)] for language, trainer in trainers.items()}


def _accuracies(tested: Mapping[LanguageCode, Sequence[Measured]]) -> dict[LanguageCode, float]:
    return means({language: [one.accuracy for one in devices] for language, devices in tested.items()})


def _tallies(tested: Mapping[LanguageCode, Sequence[Measured]]) -> dict[LanguageCode, Tallies]:
    return {language: summed([one.tallies for one in devices]) for language, devices in tested.items()}
