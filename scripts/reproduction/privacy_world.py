"""What one measurement of the privacy study is about."""

from typing import Final, NamedTuple

from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan

DEVICES: Final = 3
"""Devices of each language."""


class World(NamedTuple):
    """What is attacked.

    Attributes:
        plan: Plan of the federation.
        data: Folder with a folder for each language.
        languages: Languages of the devices.
        examples: Sentences of each device.
        seed: Of the choice of sentences, and of the training.
        tested: Test sentences of a language that accuracies are measured on.
    """

    plan: Plan
    data: str
    languages: tuple[LanguageCode, ...]
    examples: int
    seed: int
    tested: int


class Wanted(NamedTuple):
    """How much is measured.

    Attributes:
        rounds: Updates of each device.
        distributed: Budgets of noise under masks.
        local: Budgets of noise in the open.
    """

    rounds: int
    distributed: tuple[float, ...]
    local: tuple[float, ...]


class Task(NamedTuple):
    """One part of the study.

    Attributes:
        family: Name of the family.
        world: What is attacked.
        wanted: How much is measured.
    """

    family: str
    world: World
    wanted: Wanted

    @property
    def name(self) -> str:
        """Its name for people."""
        return f"{self.family}, {self.world.examples} examples, seed {self.world.seed}"
