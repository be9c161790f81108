"""What became of a fleet, and how it is shown."""

from typing import Literal

import msgspec
from rich import box
from rich.table import Table

Killed = Literal["broker", "coordinator"]
"""What is killed: the broker alone, or the coordinator, with which its broker ends."""


class Peak(msgspec.Struct):
    """Resident memory of a process, MB: before any device came, with all at work, and the most that was seen."""

    alone: float = 0.0
    at_work: float = 0.0
    most: float = 0.0


class Fleet(msgspec.Struct, kw_only=True):
    """What became of a fleet.

    Attributes:
        devices: Number of devices.
        killed: What was killed.
        taking_part: How many of them had an update accepted.
        taking_part_seconds: Time until the last of them had; None: not all had within the limit.
        back: How many were connected again, and known to the coordinator, after that. A coordinator that was started
            again counts what the broker kept for it as well; there, only `at_work_again` tells.
        back_seconds: Time until the last of them was; None: not all were within the limit.
        at_work_again: How many had another update accepted after that.
        at_work_seconds: Time until the last of them had; None: not all had within the limit.
        coordinator: Memory of the coordinator.
        broker: Memory of the broker.
        descriptors: Open file descriptors of the broker, the most that was seen.
        refused: Messages that the coordinator refused, by reason.
        failed_logins: Logins that the broker refused.
        ended: Devices that gave up, by reason.
        machine: What it ran on.
    """

    devices: int
    killed: Killed = "broker"
    taking_part: int = 0
    taking_part_seconds: float | None = None
    back: int = 0
    back_seconds: float | None = None
    at_work_again: int = 0
    at_work_seconds: float | None = None
    coordinator: Peak = msgspec.field(default_factory=Peak)
    broker: Peak = msgspec.field(default_factory=Peak)
    descriptors: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    failed_logins: int = 0
    ended: dict[str, int] = msgspec.field(default_factory=dict)
    machine: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all took part, came back, and went on."""
        return None not in (self.taking_part_seconds, self.back_seconds, self.at_work_seconds)


def table(fleet: Fleet) -> Table:
    """Return the figures as a table."""
    shown = Table(box=box.SIMPLE, show_header=False)
    for name, value in _rows(fleet):
        shown.add_row(name, value)
    return shown


def _rows(fleet: Fleet) -> list[tuple[str, str]]:
    rows = [
        ("had an update accepted", _reached(fleet.taking_part, fleet.devices, fleet.taking_part_seconds)),
        (f"back after the {fleet.killed} was killed", _reached(fleet.back, fleet.devices, fleet.back_seconds)),
        ("had another update accepted", _reached(fleet.at_work_again, fleet.devices, fleet.at_work_seconds)),
        ("memory of the coordinator", _memory(fleet.coordinator)),
        ("memory of the broker", _memory(fleet.broker)),
        ("descriptors of the broker", str(fleet.descriptors)),
        ("refused logins", str(fleet.failed_logins)),
    ]
    rows += [(f"refused messages: {reason}", str(number)) for reason, number in fleet.refused.items()]
    rows += [(f"devices that gave up: {reason}", str(number)) for reason, number in fleet.ended.items()]
    return [*rows, ("machine", fleet.machine)]


def _reached(number: int, wanted: int, seconds: float | None) -> str:
    return f"{number} of {wanted}" + ("" if seconds is None else f", after {seconds:.1f} s")


def _memory(peak: Peak) -> str:
    return f"{peak.alone:.0f} MB alone, {peak.at_work:.0f} MB with all at work, {peak.most:.0f} MB at most"
