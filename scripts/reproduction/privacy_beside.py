"""Attacks beside the table: closed forms, several rounds, changing groups, and the noise that it takes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import PromptState
from reproduction.membership import Values
from reproduction.privacy_attack import Attacker, Observation, held, held_over_rounds, holders
from reproduction.privacy_federation import COHORT, Setting, Track, federate, head_of, noisy_mean
from reproduction.privacy_noise import CLIP, spent, with_noise
from reproduction.privacy_rows import More, Needed
from reproduction.privacy_scene import Scene
from reproduction.privacy_world import DEVICES
from reproduction.roc import Stratum, mean_auc

_HIDDEN: Final = 0.6
_FIRST_MULTIPLIER: Final = 0.002
_MULTIPLIER_STEP: Final = 1.25
_MOST_MULTIPLIER: Final = 10.0


def closed_form(scene: Scene, attacker: Attacker) -> Iterator[More]:
    """Yield how much a first head in closed form tells, alone and as a mean of three."""
    closed = scene.laboratory.closed_forms()
    for size in (1, COHORT):
        yield _more(scene, "closed-form", size, held(attacker, scene.targets, _means(scene, closed, size)))


def over_rounds(scene: Scene, track: Track, attackers: Sequence[Attacker], size: int) -> More:
    """Return how much all rounds of the same groups tell together."""
    return _more(scene, "rounds", size, held_over_rounds(_rounds(scene, track, attackers, size)))


def regrouped(scene: Scene, track: Track, attackers: Sequence[Attacker]) -> More:
    """Return how well a coordinator of masked sums tells which device has a sentence, if groups change every round.

    A device is suspected of what its groups have in common. Only devices that speak the sentence's language are
    compared.
    """
    devices = len(scene.laboratory.devices)
    by_round: list[dict[LanguageCode, Values]] = []
    for attacker, sent in zip(attackers, track.sent, strict=True):
        order = scene.rng.permutation(devices)
        groups = [tuple(part.tolist()) for part in np.array_split(order, max(1, devices // COHORT))]
        by_round.append(_suspicions(scene, attacker, sent, groups))
    owners = np.repeat(np.arange(DEVICES), scene.world.examples)
    strata = [holders(np.sum([one[tag] for one in by_round], axis=0), owners) for tag in scene.world.languages]
    return _more(scene, "regrouped", COHORT, strata)


def least_noise(scene: Scene, track: Track, attackers: Sequence[Attacker], say: Callable[[str], None]) -> Needed:
    """Find the least noise under which sums of three tell hardly more than chance, and what it costs.

    Args:
        scene: Devices.
        track: What came of the federation under masks, without noise.
        attackers: An attacker for each of its rounds.
        say: Told what is being done.
    """
    multiplier, left = _FIRST_MULTIPLIER, 1.0
    while left >= _HIDDEN and multiplier < _MOST_MULTIPLIER:
        multiplier *= _MULTIPLIER_STEP
        rounds = _rounds(scene, track, attackers, COHORT, noise=multiplier * CLIP)
        left = max(mean_auc(one, draws=1).mean for one in (rounds[0], rounds[-1], held_over_rounds(rounds)))
    plan = with_noise(scene.world.plan, "distributed", multiplier, CLIP)
    setting = Setting("masked-noise", plan)
    say(f"{setting.name} of {multiplier:.3g}")
    return Needed(
        family=scene.family,
        examples=scene.world.examples,
        seed=scene.world.seed,
        multiplier=multiplier,
        auc=left,
        epsilon=spent(plan, scene.rounds),
        accuracy=federate(scene.laboratory, setting, scene.rounds, scene.first).accuracy,
        accuracy_without=track.accuracy,
    )


def _rounds(
    scene: Scene, track: Track, attackers: Sequence[Attacker], size: int, noise: float = 0.0
) -> list[list[Stratum]]:
    """Return scores of the same groups in every round."""
    return [
        held(attacker, scene.targets, _means(scene, sent, size, noise))
        for attacker, sent in zip(attackers, track.sent, strict=True)
    ]


def _means(scene: Scene, sent: Sequence[PromptState], size: int, noise: float = 0.0) -> list[Observation]:
    return [
        Observation(head_of(noisy_mean([sent[place] for place in group], noise, scene.rng)), group)
        for group in scene.groups(size)
    ]


def _suspicions(
    scene: Scene, attacker: Attacker, sent: Sequence[PromptState], groups: Sequence[tuple[int, ...]]
) -> dict[LanguageCode, Values]:
    """Return for each language how much each of its devices is suspected of each sentence, [devices, sentences].

    The sentences are those that one of these devices holds.
    """
    of_device: dict[int, Values] = {}
    for group in groups:
        change = head_of(noisy_mean([sent[place] for place in group], 0.0, scene.rng))
        for language, places in scene.targets.by_language(group).items():
            given = attacker.scores(change, language, examples=scene.world.examples, group=len(group))
            others = given[scene.targets.outsiders[language]]
            inside = given[: DEVICES * scene.world.examples]
            of_device.update(dict.fromkeys(places, (inside - others.mean()) / max(float(others.std()), 1e-12)))
    every = scene.targets.by_language(range(len(scene.laboratory.devices)))
    return {language: np.stack([of_device[place] for place in places]) for language, places in every.items()}


def _more(scene: Scene, attack: str, group: int, strata: Sequence[Stratum]) -> More:
    found = mean_auc(strata, seed=scene.world.seed)
    return More(
        family=scene.family,
        examples=scene.world.examples,
        seed=scene.world.seed,
        attack=attack,
        group=group,
        auc=found.mean,
        auc_low=found.low,
        auc_high=found.high,
    )
