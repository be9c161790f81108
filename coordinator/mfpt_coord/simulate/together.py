"""Federations: the devices of an experiment train together; with mfpt, each uses what does best for it."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mfpt_coord.core.relations import Distances
from mfpt_coord.core.state import initial
from mfpt_coord.simulate.device import Device
from mfpt_coord.simulate.experiment import Experiment, OnProgress, Outcome, Point, mean, means, method_plan
from mfpt_coord.simulate.federation import Federation
from mfpt_coord.simulate.pace import paces, usual_round
from mfpt_coord.simulate.partition import device_seed
from mfpt_coord.simulate.sender import Sender
from mfpt_coord.simulate.tallies import summed
from mfpt_shared.device.held_out import HELD_ROUNDS
from mfpt_shared.device.rounds import Rounds
from mfpt_shared.device.trainer import Laboratory, Measured, Share
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import dense


def federated(
    experiment: Experiment,
    laboratory: Laboratory,
    shares: Sequence[Share],
    distances: Distances,
    on_progress: OnProgress,
) -> Outcome:
    """Let the devices train together, by the experiment's method; see `run.run` for the arguments."""
    plan = method_plan(experiment)
    devices = {device.id: device for device in _devices(experiment, plan, laboratory, shares)}
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
            trajectory.append(
                Point(federation.at, version, federation.folded, mean(_accuracies(_test_all(federation))))
            )

    federation = Federation(
        initial(plan), devices, distances, experiment.fleet, np.random.default_rng([experiment.seed, 2]), budget,
        on_version=on_version, on_update=on_update,
    )  # fmt: skip
    federation.run(experiment.until)
    return _outcome(experiment, laboratory, federation, trajectory)


def _devices(experiment: Experiment, plan: Plan, laboratory: Laboratory, shares: Sequence[Share]) -> Iterator[Device]:
    """Yield a device for each share, with a pace of its own."""
    fleet = experiment.fleet
    drawn = paces(fleet, len(shares), usual_round(fleet, plan, shares), np.random.default_rng([experiment.seed, 1]))
    for place, (share, pace) in enumerate(zip(shares, drawn, strict=True)):
        trainer = laboratory.trainer(experiment.plan, [share], max_test=experiment.max_test)
        identity = f"{device_seed(experiment, place):012x}"
        # Only mfpt lets devices choose how much of their own they use, and holds examples out for it.
        chosen, held_rounds = (None, HELD_ROUNDS) if experiment.method == "mfpt" else (0.0, 0)
        randomness = np.random.default_rng([experiment.seed, 3, place]).bytes
        rounds = Rounds(
            *(identity, share.language, plan, trainer),
            clock=lambda: 0.0,
            share=chosen,
            held_rounds=held_rounds,
            randomness=randomness,
        )
        sender = Sender(plan, rounds, randomness) if plan.privacy.is_masked else None
        yield Device(identity, share.language, trainer, rounds, pace, sender)


def _outcome(
    experiment: Experiment, laboratory: Laboratory, federation: Federation, trajectory: Sequence[Point]
) -> Outcome:
    tested = _test_all(federation)
    used, shares = _used(federation, tested) if experiment.method == "mfpt" else ({}, {})
    unseen, shared = {}, {}
    for language in experiment.unseen:
        test = laboratory.trainer(experiment.plan, [Share(language, ())], max_test=experiment.max_test).test
        unseen[language] = test(dense(federation.prompt(language).state)).accuracy
        shared[language] = test(dense(federation.prompt(UNDETERMINED).state)).accuracy
    state = federation.state
    return Outcome(
        method=experiment.method,
        seed=experiment.seed,
        accuracy=_accuracies(tested),
        used=means({language: [one.accuracy for one in found] for language, found in used.items()}),
        tallies={language: summed([one.tallies]) for language, one in tested.items()},
        used_tallies={language: summed([one.tallies for one in found]) for language, found in used.items()},
        own_share=means(shares),
        unseen=unseen,
        shared=shared,
        seconds=federation.at,
        versions=state.version,
        updates=federation.updates,
        bytes_up=federation.bytes_up,
        bytes_down=federation.bytes_down,
        trajectory=tuple(trajectory),
    )


def _used(
    federation: Federation, tested: Mapping[LanguageCode, Measured]
) -> tuple[dict[LanguageCode, list[Measured]], dict[LanguageCode, list[float]]]:
    """Return how what each device uses does on the test examples, and its own share, by language."""
    used: dict[LanguageCode, list[Measured]] = {}
    shares: dict[LanguageCode, list[float]] = {}
    for device in federation.devices.values():
        personal = device.rounds.personal(federation.prompt(device.language))
        answers = device.trainer.test(personal.state) if personal.share else tested[device.language]
        used.setdefault(device.language, []).append(answers)
        shares.setdefault(device.language, []).append(personal.share)
    return used, shares


def _accuracies(tested: Mapping[LanguageCode, Measured]) -> dict[LanguageCode, float]:
    return {language: one.accuracy for language, one in tested.items()}


def _test_all(federation: Federation) -> dict[LanguageCode, Measured]:
    """Return how every language's newest prompt does on the test examples."""
    tested: dict[LanguageCode, Measured] = {}
    for device in federation.devices.values():
        if device.language not in tested:
            tested[device.language] = device.trainer.test(dense(federation.prompt(device.language).state))
    return tested
