"""One family with one number of examples and one seed: every setting is federated, and every observer attacks."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.languages.distances import METRICS, find
from mfpt_shared.tensors import PromptState
from reproduction import privacy_views as views
from reproduction.bootstrap import Interval
from reproduction.privacy_attack import Attacker, Observation, held, who
from reproduction.privacy_beside import closed_form, least_noise, over_rounds, regrouped
from reproduction.privacy_federation import COHORT, Setting, Track, federate
from reproduction.privacy_laboratory import Laboratory
from reproduction.privacy_noise import CLIP, multiplier_for, with_noise
from reproduction.privacy_rows import More, Needed, Part, Row
from reproduction.privacy_scene import Scene
from reproduction.privacy_world import Task, Wanted, World
from reproduction.roc import Stratum, mean_auc
from reproduction.setting import changed

_LARGE_GROUP: Final = 10
# Cohorts with fresh masks for each group, so that chance has less to say.
_FRESH_MASKS: Final = 8


class _About(NamedTuple):
    """What a row is about, as in `Row`; `number`: of the round, from 0."""

    observer: views.Observer
    group: int
    update: str
    question: str
    number: int


class _Told(NamedTuple):
    """What an observation gave away."""

    known: Interval
    unlabelled: float | None


def measure(task: Task, device: str, threads: int) -> Part:
    """Measure all settings, and say on stderr what is being done.

    Args:
        task: What is attacked, and how much is measured.
        device: Processor: auto, cpu or cuda.
        threads: Number of threads for matrix products.

    Raises:
        MfptError: There is too little data, or a training diverged.
    """
    family, world, wanted = task

    def say(what: str) -> None:
        print(f"privacy: {task.name}: {what}", file=sys.stderr)

    say("sentences and first updates")
    rng = np.random.default_rng([world.seed, 5])
    distances = asyncio.run(find(world.languages, METRICS[:3], {})) if needs_distances(world.plan.aggregation) else {}
    scene = Scene(family, world, Laboratory(world, device, threads), wanted.rounds, distances, rng)
    rows: list[Row] = []
    more: list[More] = []
    needed: list[Needed] = []
    for setting in _settings(world, wanted):
        say(setting.name)
        track = federate(scene.laboratory, setting, wanted.rounds, scene.first)
        if setting.epsilon is not None:
            rows += _rows(scene, setting, track, [scene.first_attacker, scene.attacker(track.starts[-1])])
            continue
        attackers = [scene.first_attacker, *map(scene.attacker, track.starts[1:])]
        rows += _rows(scene, setting, track, attackers)
        more.append(over_rounds(scene, track, attackers, COHORT if setting.is_masked else 1))
        if setting.is_masked:
            more.append(regrouped(scene, track, attackers))
            needed.append(least_noise(scene, track, attackers, say))
        else:
            more += closed_form(scene, attackers[0])
    return Part(rows=tuple(rows), needed=tuple(needed), more=tuple(more))


def _settings(world: World, wanted: Wanted) -> Iterator[Setting]:
    plan, rounds = world.plan, wanted.rounds
    yield Setting("open", plan)
    yield Setting("masked", changed(plan, "privacy", aggregation="masked"))
    for epsilon in wanted.distributed:
        multiplier = multiplier_for(plan, "distributed", epsilon, rounds)
        yield Setting("masked-noise", with_noise(plan, "distributed", multiplier, CLIP), epsilon)
    for epsilon in wanted.local:
        multiplier = multiplier_for(plan, "local", epsilon, rounds)
        yield Setting("open-noise", with_noise(plan, "local", multiplier, CLIP), epsilon)


def _rows(scene: Scene, setting: Setting, track: Track, attackers: Sequence[Attacker]) -> Iterator[Row]:
    """Yield a row for each observer, and what he sees of the first and the last round."""
    seed = scene.world.seed
    for update, number, attacker in (("first", 0, attackers[0]), ("later", scene.rounds - 1, attackers[-1])):
        for observer, group, seen in _views(scene, setting, track, number):
            known = mean_auc(held(attacker, scene.targets, seen), seed=seed)
            unlabelled = mean_auc(held(attacker, scene.targets, seen, labels_known=False), draws=1)
            told = _Told(known, unlabelled.mean)
            yield _row(scene, setting, track.accuracy, _About(observer, group, update, "held", number), told)
        if setting.is_masked:
            for size in scene.sizes((COHORT, _LARGE_GROUP)):
                strata = _by_member(scene, setting, attacker, track.sent[number], size)
                told = _Told(mean_auc(strata, seed=seed), None)
                about = _About("coordinator", size, update, "who", number)
                yield _row(scene, setting, track.accuracy, about, told)


def _views(
    scene: Scene, setting: Setting, track: Track, number: int
) -> Iterator[tuple[views.Observer, int, list[Observation]]]:
    """Yield what every observer sees of a round: observer, number of devices in it, observations."""
    if setting.is_masked:
        for size in scene.sizes((COHORT, _LARGE_GROUP)):
            seen = views.sums(track, setting, number, scene.groups(size), scene.rng)
            yield from (("coordinator", size, seen), ("database", size, seen))
    else:
        singles = views.updates(track, number)
        yield from (("coordinator", 1, singles), ("database", 1, singles))
    for size, is_usual in _fold_sizes(scene, setting, number):
        folds = [
            views.entries(track, setting, number, groups, scene.laboratory.devices, scene.rng)
            for groups in scene.folds(size, COHORT if setting.is_masked else 1)
        ]
        yield "broker", size, views.prompts(track, number, scene.folding, folds)
        if size > 1:
            yield "peer", size, views.prompts_and_own(track, number, scene.folding, folds)
        if is_usual:
            yield "database", size, views.prompts(track, number, scene.folding, folds, rounded=False)


def _fold_sizes(scene: Scene, setting: Setting, number: int) -> list[tuple[int, bool]]:
    """Return numbers of devices in a fold, and which of them is usual in a round; under masks, whole cohorts."""
    of = COHORT if setting.is_masked else 1
    after_start = scene.world.plan.aggregation.start_together
    usual, later = (-(-scene.usual_fold(round_number) // of) * of for round_number in (number, after_start))
    return [(size, size == usual) for size in scene.sizes((of, COHORT, later, usual))]


def _by_member(
    scene: Scene, setting: Setting, attacker: Attacker, sent: Sequence[PromptState], size: int
) -> list[Stratum]:
    """Return scores of the members of cohorts, from what each of them sends under masks."""
    found: list[Stratum] = []
    for group in scene.groups(size):
        for _ in range(_FRESH_MASKS):
            vectors = list(views.masked_vectors(setting, [sent[place] for place in group]))
            found += who(attacker, scene.targets, vectors, group)
    return found


def _row(scene: Scene, setting: Setting, accuracy: float, about: _About, told: _Told) -> Row:
    usual = {scene.usual_fold(about.number)} | (set() if about.observer in ("peer", "broker") else {1})
    return Row(
        family=scene.family,
        group=about.group,
        observer=about.observer,
        aggregation=setting.aggregation,
        update=about.update,
        examples=scene.world.examples,
        epsilon=setting.epsilon,
        question=about.question,
        seed=scene.world.seed,
        auc=told.known.mean,
        auc_low=told.known.low,
        auc_high=told.known.high,
        auc_unlabelled=told.unlabelled,
        accuracy=accuracy,
        default=setting.aggregation == "open" and about.group in usual,
    )
