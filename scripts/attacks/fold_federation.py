"""Thirty invited devices, ten of which lie: the accuracy that the honest ones reach, in virtual time."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from attacks.colluders import Colluder, Forge, Ring, RotatedLabels
from mfpt_coord.core.relations import Distances
from mfpt_coord.core.state import initial
from mfpt_coord.simulate.experiment import Experiment, method_plan
from mfpt_coord.simulate.federation import Device, Federation
from mfpt_coord.simulate.pace import Pace, paces
from mfpt_coord.simulate.partition import device_seed, share_out
from mfpt_shared.device.rounds import Rounds
from mfpt_shared.device.trainer import Laboratory, Share
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import dense


@dataclass(frozen=True, slots=True)
class Lie:
    """How the dishonest devices lie.

    Attributes:
        forge: What becomes of a delta; None: it is sent as it is.
        rotates: Whether they train with every label taken for the next.
        scores: Whether they report that their own prompts are perfect and the federation's worthless.
        crowds: Whether all of them say that they speak the first language.
        races: Whether they take no time to train.
    """

    forge: Forge | None = None
    rotates: bool = False
    scores: bool = False
    crowds: bool = False
    races: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """Accuracies of the honest devices, in 0..1.

    Attributes:
        accuracy: Mean test accuracy of the federation's newest prompts.
        kept: Mean test accuracy of the prompts that the devices keep, by their own validation examples.
        languages: Language -> accuracy.
    """

    accuracy: float
    kept: float
    languages: dict[LanguageCode, float]


def reached(
    experiment: Experiment,
    laboratory: Laboratory,
    distances: Distances,
    lie: Lie | None,
    on_update: Callable[[], None] = lambda: None,
) -> Reached:
    """Run a federation in which the last device of every language is dishonest, or absent if there is no lie.

    Args:
        experiment: Languages, devices, examples, rounds and seed.
        laboratory: Texts and backbone.
        distances: Distances between the languages.
        lie: How the dishonest devices lie; None: the honest devices alone.
        on_update: Called after every training.
    """
    places = _places(experiment, share_out(experiment, laboratory))
    honest = [one for one in places if not one.dishonest]
    present = honest if lie is None else places
    plan = method_plan(experiment)
    if not experiment.plan.aggregation.buffer:
        plan = _with_buffer(plan, -(-len(present) // 2))
    ring = Ring(len(places), len(places) - len(honest), plan.privacy.clip_norm)
    devices = {}
    for one in present:
        trainer = laboratory.trainer(experiment.plan, [one.share], max_validation=experiment.validation_limit)
        language, pace = one.share.language, one.pace
        if lie is not None and one.dishonest:
            language = experiment.languages[0] if lie.crowds else language
            pace = Pace(1e-3, pace.joins_at) if lie.races else pace
            deceived = RotatedLabels(trainer) if lie.rotates else trainer
            rounds: Rounds = Colluder(
                one.id, language, plan, deceived, lambda: 0.0, ring=ring, forge=lie.forge, lies=lie.scores
            )
        else:
            rounds = Rounds(one.id, language, plan, trainer, clock=lambda: 0.0)
        devices[one.id] = Device(one.id, language, trainer, rounds, pace)
    federation = Federation(
        initial(plan), devices, distances, experiment.fleet, np.random.default_rng([experiment.seed, 2]),
        experiment.rounds * len(devices), on_update=on_update,
    )  # fmt: skip
    federation.run()
    return _measured(federation, [devices[one.id] for one in honest])


@dataclass(frozen=True, slots=True)
class _Place:
    id: str
    share: Share
    pace: Pace
    dishonest: bool


def _places(experiment, shares):
    fleet = experiment.fleet
    usual = fleet.example_seconds * experiment.examples / experiment.devices
    usual *= experiment.plan.training.epochs_for(experiment.examples // experiment.devices)
    drawn = paces(fleet, len(shares), usual, np.random.default_rng([experiment.seed, 1]))
    return [
        _Place(f"{device_seed(experiment, at):012x}", share, pace, at % experiment.devices == experiment.devices - 1)
        for at, (share, pace) in enumerate(zip(shares, drawn, strict=True))
    ]


def _with_buffer(plan, buffer):
    import msgspec
    return msgspec.structs.replace(plan, aggregation=msgspec.structs.replace(plan.aggregation, buffer=buffer))


def _measured(federation, honest):
    accuracy: dict[LanguageCode, float] = {}
    kept = []
    for device in honest:
        prompt = federation.prompt(device.language)
        if device.language not in accuracy:
            accuracy[device.language] = device.trainer.test(dense(prompt.state)).accuracy
        device.rounds.judge(prompt)
        choice = device.rounds.kept
        kept.append(accuracy[device.language] if choice.origin == "federated" else device.trainer.test(choice.state).accuracy)
    return Reached(fmean(accuracy.values()), fmean(kept), accuracy)
