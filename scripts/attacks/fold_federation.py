"""Thirty invited devices, ten of which lie: the accuracy that the honest ones reach, in virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec
import numpy as np

from attacks.colluders import Colluder, Forge, Ring, RotatedLabels
from mfpt_coord.core.relations import Distances
from mfpt_coord.core.state import initial
from mfpt_coord.simulate.device import Device
from mfpt_coord.simulate.experiment import Experiment, method_plan
from mfpt_coord.simulate.federation import Federation
from mfpt_coord.simulate.pace import Pace, paces, usual_round
from mfpt_coord.simulate.partition import device_seed, share_out
from mfpt_shared.device.rounds import Rounds
from mfpt_shared.device.trainer import Laboratory, Share, Trainer
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import dense


@dataclass(frozen=True, slots=True)
class Lie:
    """How the dishonest devices lie.

    Attributes:
        forge: What becomes of a delta; None: it is sent as it is.
        rotates: Whether they train with every label taken for the next.
        claimed: How much of their own they say that they keep; None: what is true.
        crowds: Whether all of them say that they speak the first language.
        races: Whether they take no time to train.
    """

    forge: Forge | None = None
    rotates: bool = False
    claimed: float | None = None
    crowds: bool = False
    races: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """Accuracies of the honest devices, in 0..1.

    Attributes:
        accuracy: Mean test accuracy of the federation's newest prompts.
        used: Mean test accuracy of what the devices use, their personal prompts.
        languages: Language -> accuracy.
    """

    accuracy: float
    used: float
    languages: dict[LanguageCode, float]


def reached(
    experiment: Experiment,
    laboratory: Laboratory,
    distances: Distances,
    lie: Lie | None,
) -> Reached:
    """Run a federation in which the last device of every language is dishonest, or absent if there is no lie.

    Args:
        experiment: Languages, devices, examples, rounds and seed.
        laboratory: Texts and backbone.
        distances: Distances between the languages.
        lie: How the dishonest devices lie; None: the honest devices alone.
    """
    places = _places(experiment, share_out(experiment, laboratory))
    honest = [one for one in places if not one.dishonest]
    present = honest if lie is None else places
    plan = _plan(experiment, len(present))
    ring = Ring(len(places), len(places) - len(honest), plan.privacy.clip_norm)
    devices: dict[str, Device] = {}
    for one in present:
        trainer: Trainer = laboratory.trainer(experiment.plan, [one.share])
        language, pace = one.share.language, one.pace
        if lie is not None and one.dishonest:
            language = experiment.languages[0] if lie.crowds else language
            pace = Pace(1e-3, pace.joins_at) if lie.races else pace
            deceived: Trainer = RotatedLabels(trainer) if lie.rotates else trainer
            rounds: Rounds = Colluder(
                one.id, language, plan, deceived, lambda: 0.0, ring=ring, forge=lie.forge, claimed=lie.claimed
            )
        else:
            rounds = Rounds(one.id, language, plan, trainer, clock=lambda: 0.0)
        devices[one.id] = Device(one.id, language, trainer, rounds, pace)
    federation = Federation(
        initial(plan), devices, distances, experiment.fleet, np.random.default_rng([experiment.seed, 2]),
        experiment.rounds * len(devices),
    )  # fmt: skip
    federation.run()
    return _measured(federation, [devices[one.id] for one in honest])


@dataclass(frozen=True, slots=True)
class _Place:
    """A device before it is made: id, data, pace, and whether it lies."""

    id: str
    share: Share
    pace: Pace
    dishonest: bool


def _places(experiment: Experiment, shares: Sequence[Share]) -> list[_Place]:
    fleet = experiment.fleet
    usual = usual_round(fleet, experiment.plan, shares)
    drawn = paces(fleet, len(shares), usual, np.random.default_rng([experiment.seed, 1]))
    return [
        _Place(f"{device_seed(experiment, at):012x}", share, pace, at % experiment.devices == experiment.devices - 1)
        for at, (share, pace) in enumerate(zip(shares, drawn, strict=True))
    ]


def _plan(experiment: Experiment, devices: int) -> Plan:
    """Return the experiment's plan with folds of half the devices that are there, which is the default.

    The embedded task's own plan folds four updates, for a demo of four devices. In so small a fold the dishonest are
    often the majority by chance.
    """
    plan = method_plan(experiment)
    buffer = -(-devices // 2)
    return msgspec.structs.replace(plan, aggregation=msgspec.structs.replace(plan.aggregation, buffer=buffer))


def _measured(federation: Federation, honest: Sequence[Device]) -> Reached:
    accuracy: dict[LanguageCode, float] = {}
    used: list[float] = []
    for device in honest:
        prompt = federation.prompt(device.language)
        if device.language not in accuracy:
            accuracy[device.language] = device.trainer.test(dense(prompt.state)).accuracy
        personal = device.rounds.personal(prompt)
        used.append(device.trainer.test(personal.state).accuracy if personal.share else accuracy[device.language])
    return Reached(fmean(accuracy.values()), fmean(used), accuracy)
