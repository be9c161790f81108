"""How much is measured."""

from dataclasses import dataclass
from typing import Final

from mfpt_shared.languages import LanguageCode

LANGUAGES: Final = tuple(LanguageCode(code) for code in ("swh", "zul", "yor", "amh"))


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the command line asks for.

    Attributes:
        devices: Numbers of devices to measure rounds with, one after the other.
        rounds: Rounds for each of them.
        flood_devices: Devices that push updates as fast as they can.
        flood_updates: Updates to be accepted, on average for each of these.
        turns: Times that a secured and an unsecured federation are measured, one after the other.
        limit: Seconds that any one measurement may take.
    """

    devices: tuple[int, ...]
    rounds: int
    flood_devices: int
    flood_updates: int
    turns: int
    limit: float

    @property
    def flood_total(self) -> int:
        """Updates to be accepted in all."""
        return self.flood_devices * self.flood_updates

    @property
    def flood_buffer(self) -> int:
        """Updates of a fold during the flood: a quarter of the devices, so that nobody waits for all."""
        return max(1, self.flood_devices // 4)
