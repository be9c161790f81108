"""What an attack is, and what it comes to."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mfpt_coord.core.relations import Distances
from mfpt_coord.simulate.experiment import Experiment
from mfpt_shared.device.trainer import Laboratory


@dataclass(frozen=True, slots=True)
class Ground:
    """What attacks are made on.

    Attributes:
        experiments: The federation, once for each seed.
        laboratory: Texts and backbone.
        distances: Distances between the languages.
    """

    experiments: tuple[Experiment, ...]
    laboratory: Laboratory
    distances: Distances


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an attack.

    Attributes:
        refused: Whether it failed: it was turned away, or the honest devices lost at most three points.
        honest_accuracy: Mean accuracy of the honest devices, in 0..1; None where nothing was trained.
        used_accuracy: The same with their personal prompts.
        note: Remark for people.
    """

    refused: bool
    honest_accuracy: float | None = None
    used_accuracy: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack on what is learnt, by devices that take part.

    Attributes:
        name: Name on the command line and in the results.
        about: Description in a few words.
        run: Makes the attack; gets the ground, and the accuracy of the honest devices when left alone.
    """

    name: str
    about: str
    run: Callable[[Ground, float], Result]
