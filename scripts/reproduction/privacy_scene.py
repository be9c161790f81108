"""What all attacks of one measurement have in common: devices, candidates and groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfpt_coord.core.relations import Distances
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import PromptState, dense, halve, initial_state
from reproduction import privacy_views as views
from reproduction.privacy_attack import Attacker, Targets
from reproduction.privacy_federation import head_of
from reproduction.privacy_folds import Folding
from reproduction.privacy_laboratory import Laboratory
from reproduction.privacy_world import World


@dataclass(frozen=True)
class Scene:
    """A world with its devices.

    Attributes:
        family: Name of the family of tasks.
        world: What is attacked.
        laboratory: Its devices.
        rounds: Number of updates of each device.
        distances: Distances between the languages.
        rng: Source of noise and of groups.
    """

    family: str
    world: World
    laboratory: Laboratory
    rounds: int
    distances: Distances
    rng: np.random.Generator

    @cached_property
    def first(self) -> list[PromptState]:
        """What each device changes in the first round, which is the same in every setting."""
        start, places = initial_state(self.world.plan), range(len(self.laboratory.devices))
        return [self.laboratory.train(place, start, 0) for place in places]

    @property
    def targets(self) -> Targets:
        """Who holds what."""
        return Targets(self.laboratory.devices, self.laboratory.outsiders, self.world.examples)

    @property
    def folding(self) -> Folding:
        """How the federation folds."""
        world = self.world
        return Folding(world.plan, world.languages, self.distances, len(self.laboratory.devices), world.examples)

    def usual_fold(self, number: int) -> int:
        """Return the number of updates in a fold of a round, counted from 0."""
        return usual_fold(self.world.plan.aggregation, len(self.laboratory.devices), number)

    def sizes(self, wanted: Sequence[int]) -> list[int]:
        """Return the sizes of groups that there are devices for."""
        return sorted({size for size in wanted if size <= len(self.laboratory.devices)})

    def groups(self, size: int) -> list[tuple[int, ...]]:
        """Return the groups of a size."""
        return views.groups_of(len(self.laboratory.devices), size)

    def folds(self, size: int, of: int) -> list[list[tuple[int, ...]]]:
        """Return the updates or sums of folds as they may come together by chance.

        Args:
            size: Number of devices in a fold.
            of: Number of devices in each sum; 1: updates come alone.
        """
        groups = self.groups(of)
        order = [groups[at] for at in self.rng.permutation(len(groups))]
        step = -(-size // of)
        return [order[at : at + step] for at in range(0, len(order) - step + 1, step)]

    @cached_property
    def first_attacker(self) -> Attacker:
        """An attacker of the first round, which starts alike in every setting."""
        return self.attacker(dense(halve(initial_state(self.world.plan))))

    def attacker(self, start: PromptState) -> Attacker:
        """Return an attacker of a round that started from this prompt."""
        return Attacker(self.laboratory.seen(start), head_of(start), self.world.plan.training, self.world.seed)


def usual_fold(plan: Aggregation, devices: int, number: int) -> int:
    """Return the number of updates in a fold where the plan does not say: all, later half of them.

    Args:
        plan: Says which versions devices make together.
        devices: Number of devices.
        number: Round, or version that it starts from.
    """
    return devices if number < plan.start_together else -(-devices // 2)
