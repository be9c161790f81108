"""References without a federation: every device alone, and one device with everybody's examples.

They do whatever does best on training examples that are held out meanwhile: tune a prompt for some number of rounds, or
fit a head to all examples at once, on what the tuned prompt gives or the untuned one (a linear probe). Then they do it
anew with all examples.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from mfpt_coord.simulate.experiment import Experiment, OnProgress, Outcome, means, part
from mfpt_coord.simulate.partition import device_seed
from mfpt_coord.simulate.tallies import Tallies, summed
from mfpt_shared.device.held_out import held_out
from mfpt_shared.device.rounds import tune_alone
from mfpt_shared.device.trainer import Laboratory, Measured, Share, Trainer
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import PromptState, initial_state

# A fifth of the examples is held out: one of so many.
_HELD_ONE_OF: Final = 5
# What the head that another is drawn to is worth, in answers. Measured on the untuned prompt's features: near the best
# for 70 texts of AfriSenti and for 15 sentences of MasakhaPOS, where next to nothing is four and two points worse.
_WORTH: Final = 16


class _Way(NamedTuple):
    """A way to train alone.

    Attributes:
        rounds: Number of rounds of tuning; 0: the prompt stays as the plan starts it.
        share: Own share of the head that is fitted afterwards; 0: the head is the one that was tuned.
    """

    rounds: int
    share: float = 0.0


class _Tuned(NamedTuple):
    """A state that was trained on all examples in the best way, and how that way did on what was held out."""

    state: PromptState
    held_out: Measured


class _Alone(NamedTuple):
    """One device that trains without a federation: its place among the devices, its examples, and its epochs."""

    place: int
    shares: Sequence[Share]
    epochs: int


def local(experiment: Experiment, laboratory: Laboratory, shares: Sequence[Share], on_progress: OnProgress) -> Outcome:
    """Train every device alone in its best way; it tunes for as many epochs as in the federation at most."""
    tested: dict[LanguageCode, list[Measured]] = {}
    validated: dict[LanguageCode, list[Measured]] = {}
    for place, share in enumerate(shares):
        alone = _Alone(place, [share], experiment.plan.training.epochs_for(len(share.rows)))
        tuned = _tune(experiment, laboratory, alone, part(on_progress, place, len(shares)))
        tested.setdefault(share.language, []).append(_tester(experiment, laboratory, share.language).test(tuned.state))
        validated.setdefault(share.language, []).append(tuned.held_out)
    return Outcome(
        method="local",
        seed=experiment.seed,
        accuracy=_accuracies(tested),
        tallies=_tallies(tested),
        validation=_accuracies(validated),
        validation_loss=means({language: [one.loss for one in devices] for language, devices in validated.items()}),
    )


def central(
    experiment: Experiment, laboratory: Laboratory, shares: Sequence[Share], on_progress: OnProgress
) -> Outcome:
    """Train one device with everybody's examples: the upper reference, which no federation is allowed."""
    # As many passes over every example as in the federation, whose rounds have a least number of steps.
    epochs = max(experiment.plan.training.epochs_for(len(share.rows)) for share in shares)
    tuned = _tune(experiment, laboratory, _Alone(0, shares, epochs), on_progress)
    tested = {tag: [_tester(experiment, laboratory, tag).test(tuned.state)] for tag in experiment.languages}
    return Outcome(method="central", seed=experiment.seed, accuracy=_accuracies(tested), tallies=_tallies(tested))


def _tune(experiment: Experiment, laboratory: Laboratory, alone: _Alone, on_progress: OnProgress) -> _Tuned:
    """Find the best way on held-out examples, then train so on all."""
    # First the trainer of all examples, so that the laboratory prepares them once, and in the order of other methods.
    trainer = laboratory.trainer(experiment.plan, alone.shares, max_test=experiment.max_test)
    kept, held = _apart(experiment, laboratory, alone)
    trying = laboratory.trainer(experiment.plan, kept, tested_on=held)
    answers = sum(laboratory.content(share.language).answers(share.rows) for share in alone.shares)
    scores = _scores(experiment, trying, alone, answers / (answers + _WORTH), part(on_progress, 0, 2))
    way = _best(scores)
    states = [initial_state(experiment.plan)]
    for state in islice(_rounds(experiment, trainer, alone), way.rounds):
        states.append(state)
        on_progress(0.5 + len(states) / (2 * way.rounds + 2))
    return _Tuned(trainer.with_own_head(states[-1], way.share), scores[way])


def _scores(
    experiment: Experiment, trainer: Trainer, alone: _Alone, share: float, on_progress: OnProgress
) -> dict[_Way, Measured]:
    """Return how every way does on the examples that this trainer tests on, those that are held out.

    Args:
        experiment: What is simulated.
        trainer: Trainer on the other examples.
        alone: Device that trains.
        share: Own share of a head that is fitted at once.
        on_progress: Called after every round.
    """
    states = [initial_state(experiment.plan)]
    scores: dict[_Way, Measured] = {}
    for state in _rounds(experiment, trainer, alone):
        scores[_Way(len(states))] = trainer.test(state)
        states.append(state)
        on_progress(len(scores) / experiment.rounds)
    for rounds in (_best(scores).rounds, 0):
        scores[_Way(rounds, share)] = trainer.test(trainer.with_own_head(states[rounds], share))
    return scores


def _best(scores: Mapping[_Way, Measured]) -> _Way:
    """Return the most accurate way, of equally accurate ones that with the least loss."""
    return max(scores, key=lambda way: (scores[way].accuracy, -scores[way].loss))


def _apart(experiment: Experiment, laboratory: Laboratory, alone: _Alone) -> tuple[list[Share], list[Share]]:
    """Split each share into what is trained on and what is held out meanwhile, the same for every plan."""
    kept, held = [], []
    for place, share in enumerate(alone.shares, start=alone.place):
        if len(share.rows) < 2:
            raise UsageError(f"{share.language}: a device alone needs two examples, of which it holds one out")
        labels = laboratory.content(share.language).labels
        keys, seed = [str(row) for row in share.rows], device_seed(experiment, place)
        places = held_out([labels[row] for row in share.rows], keys, seed, _HELD_ONE_OF)
        out = {share.rows[at] for at in places}
        kept.append(Share(share.language, [row for row in share.rows if row not in out]))
        held.append(Share(share.language, sorted(out)))
    return kept, held


def _rounds(experiment: Experiment, trainer: Trainer, alone: _Alone) -> Iterator[PromptState]:
    start, seed = initial_state(experiment.plan), device_seed(experiment, alone.place)
    return tune_alone(trainer, start, rounds=experiment.rounds, epochs=alone.epochs, seed=seed)


def _tester(experiment: Experiment, laboratory: Laboratory, language: LanguageCode) -> Trainer:
    return laboratory.trainer(experiment.plan, [Share(language, ())], max_test=experiment.max_test)


def _accuracies(measured: Mapping[LanguageCode, Sequence[Measured]]) -> dict[LanguageCode, float]:
    return means({language: [one.accuracy for one in devices] for language, devices in measured.items()})


def _tallies(tested: Mapping[LanguageCode, Sequence[Measured]]) -> dict[LanguageCode, Tallies]:
    return {language: summed([one.tallies for one in devices]) for language, devices in tested.items()}
