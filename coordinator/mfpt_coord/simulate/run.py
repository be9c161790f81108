"""Runs experiments: shares the data out, makes devices, and lets them train alone, together, or as one."""

import math
import sys
from collections.abc import Callable, Sequence

import numpy as np

from mfpt_coord.core.relations import Distances
from mfpt_coord.core.state import initial
from mfpt_coord.simulate.experiment import Experiment, Outcome, Point, mean, method_plan
from mfpt_coord.simulate.federation import Device, Federation
from mfpt_coord.simulate.fleet import paces
from mfpt_coord.simulate.partition import different_sentences, over_devices, same_sentences
from mfpt_shared.device.rounds import Rounds, tune_alone
from mfpt_shared.device.trainer import Laboratory, Share
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import PromptState, dense, initial_state

OnProgress = Callable[[float], None]
"""Called with the share of an experiment that is done."""


def run(
    experiment: Experiment, laboratory: Laboratory, distances: Distances, on_progress: OnProgress = lambda _: None
) -> Outcome:
    """Run an experiment.

    Args:
        experiment: what to do.
        laboratory: texts and backbone.
        distances: between the languages; what is missing is unknown.
        on_progress: called now and then.

    Raises:
        UsageError: the data cannot be shared out as asked.
        MfptError: a training diverged.
    """
    shares = share_out(experiment, laboratory)
    if experiment.method == "local":
        return _local(experiment, laboratory, shares, on_progress)
    if experiment.method == "central":
        return _central(experiment, laboratory, shares, on_progress)
    return _federated(experiment, laboratory, shares, distances, on_progress)


def share_out(experiment: Experiment, laboratory: Laboratory) -> list[Share]:
    """Return what each device holds, in the order of the languages; the same for all methods of a seed."""
    rng = np.random.default_rng([experiment.seed, 0])
    contents = {language: laboratory.content(language) for language in experiment.languages}
    choose = same_sentences if experiment.parallel else different_sentences
    chosen = choose(contents, experiment.examples, rng)
    least = experiment.plan.privacy.min_examples
    return [
        Share(language, rows)
        for language, of_language in chosen.items()
        for rows in over_devices(
            of_language, contents[language].labels, experiment.devices, experiment.label_skew, least, rng
        )
    ]


def _local(experiment: Experiment, laboratory: Laboratory, shares: Sequence[Share], on_progress: OnProgress) -> Outcome:
    last: dict[LanguageCode, list[float]] = {}
    kept: dict[LanguageCode, list[float]] = {}
    validated: dict[LanguageCode, list[float]] = {}
    for place, share in enumerate(shares):
        trainer = laboratory.trainer(experiment.plan, [share], max_validation=_validation(experiment))
        epochs = experiment.plan.training.epochs_for(trainer.examples)
        start, seed = initial_state(experiment.plan), _seed(experiment, place)
        states = list(tune_alone(trainer, start, rounds=experiment.rounds, epochs=epochs, seed=seed))
        scores = [trainer.validate(state).accuracy for state in states]
        best = states[int(np.argmax(scores))]
        last.setdefault(share.language, []).append(trainer.test(states[-1]).accuracy)
        kept.setdefault(share.language, []).append(trainer.test(best).accuracy)
        validated.setdefault(share.language, []).append(max(scores))
        on_progress((place + 1) / len(shares))
    return Outcome(
        method="local",
        seed=experiment.seed,
        accuracy=_means(last),
        kept=_means(kept),
        validation=_means(validated),
    )


def _central(
    experiment: Experiment, laboratory: Laboratory, shares: Sequence[Share], on_progress: OnProgress
) -> Outcome:
    everything = laboratory.trainer(experiment.plan, shares, max_validation=_validation(experiment))
    # As many passes over every example as in the federation, whose rounds have a least number of steps.
    plan = experiment.plan
    epochs = max(plan.training.epochs_for(len(share.rows)) for share in shares)
    start, seed = initial_state(plan), _seed(experiment, 0)
    states, scores = [], []
    for state in tune_alone(everything, start, rounds=experiment.rounds, epochs=epochs, seed=seed):
        states.append(state)
        scores.append(everything.validate(state).accuracy)
        on_progress(len(states) / experiment.rounds)
    last, best = (
        _tested(plan, laboratory, experiment.languages, state) for state in (states[-1], states[int(np.argmax(scores))])
    )
    return Outcome(method="central", seed=experiment.seed, accuracy=last, kept=best)


def _federated(
    experiment: Experiment,
    laboratory: Laboratory,
    shares: Sequence[Share],
    distances: Distances,
    on_progress: OnProgress,
) -> Outcome:
    plan = method_plan(experiment)
    fleet = experiment.fleet
    rng = np.random.default_rng([experiment.seed, 1])
    usual = fleet.example_seconds * experiment.examples / experiment.devices
    usual *= plan.training.epochs_for(experiment.examples // experiment.devices)
    devices = {}
    for place, (share, pace) in enumerate(zip(shares, paces(fleet, len(shares), usual, rng), strict=True)):
        trainer = laboratory.trainer(experiment.plan, [share], max_validation=_validation(experiment))
        identity = f"{_seed(experiment, place):012x}"
        rounds = Rounds(identity, share.language, plan, trainer, clock=lambda: 0.0)
        devices[identity] = Device(identity, share.language, trainer, rounds, pace)
    budget = experiment.rounds * len(devices) if math.isinf(experiment.until) else sys.maxsize
    trajectory: list[Point] = []
    done = 0

    def on_update() -> None:
        nonlocal done
        done += 1
        on_progress(min(1.0, done / budget))

    def on_version(federation: Federation) -> None:
        version = federation.state.version
        if experiment.measure_every and version % experiment.measure_every == 0:
            trajectory.append(Point(federation.at, version, federation.folded, mean(_test_all(federation))))

    federation = Federation(
        initial(plan), devices, distances, fleet, np.random.default_rng([experiment.seed, 2]), budget,
        on_version=on_version, on_update=on_update,
    )  # fmt: skip
    federation.run(experiment.until)
    return _outcome(experiment, laboratory, federation, trajectory)


def _outcome(
    experiment: Experiment, laboratory: Laboratory, federation: Federation, trajectory: Sequence[Point]
) -> Outcome:
    kept: dict[LanguageCode, list[float]] = {}
    own: dict[LanguageCode, list[float]] = {}
    validated: dict[LanguageCode, list[float]] = {}
    accuracy = _test_all(federation)
    for device in federation.devices.values():
        measured = device.rounds.judge(federation.prompt(device.language))
        choice = device.rounds.kept
        assert choice is not None
        is_own = choice.origin == "own"
        tested = device.trainer.test(choice.state).accuracy if is_own else accuracy[device.language]
        kept.setdefault(device.language, []).append(tested)
        own.setdefault(device.language, []).append(float(is_own))
        validated.setdefault(device.language, []).append(measured.accuracy)
    held_out, shared = {}, {}
    for language in experiment.held_out:
        trainer = laboratory.trainer(experiment.plan, [Share(language, ())])
        held_out[language] = trainer.test(dense(federation.prompt(language).state)).accuracy
        shared[language] = trainer.test(dense(federation.prompt(UNDETERMINED).state)).accuracy
    state = federation.state
    return Outcome(
        method=experiment.method,
        seed=experiment.seed,
        accuracy=accuracy,
        validation=_means(validated),
        kept=_means(kept),
        own=_means(own),
        held_out=held_out,
        shared=shared,
        seconds=federation.at,
        versions=state.version,
        updates=federation.updates,
        bytes_up=federation.bytes_up,
        bytes_down=federation.bytes_down,
        trajectory=tuple(trajectory),
    )


def _test_all(federation: Federation) -> dict[LanguageCode, float]:
    """Return the test accuracy of every language's newest prompt."""
    tested: dict[LanguageCode, float] = {}
    for device in federation.devices.values():
        if device.language not in tested:
            tested[device.language] = device.trainer.test(dense(federation.prompt(device.language).state)).accuracy
    return tested


def _tested(
    plan: Plan, laboratory: Laboratory, languages: Sequence[LanguageCode], state: PromptState
) -> dict[LanguageCode, float]:
    return {language: laboratory.trainer(plan, [Share(language, ())]).test(state).accuracy for language in languages}


def _validation(experiment: Experiment) -> int:
    """Return the most validation examples of a device: no more than it trains on."""
    share = experiment.examples // experiment.devices
    return share if experiment.max_validation is None else min(share, experiment.max_validation)


def _seed(experiment: Experiment, place: int) -> int:
    return int(np.random.default_rng([experiment.seed, 3, place]).integers(2**40))


def _means(values: dict[LanguageCode, list[float]]) -> dict[LanguageCode, float]:
    return {language: sum(of_language) / len(of_language) for language, of_language in values.items()}
