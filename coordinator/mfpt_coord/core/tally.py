"""Sums over devices that are kept up to date, so that nobody has to walk through the devices to know them."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from mfpt_coord.core.client import Client

_UNIT: Final = 1 << 60
"""Accuracies are added up as whole parts of this: a sum of whole numbers is the same in every order, and drifts by
nothing however often a device is taken out and put in again."""


class Tally(NamedTuple):
    """Sums over some devices.

    Attributes:
        devices: Their number.
        examples: Their examples.
        taking_part: Number of those that are online and ready.
        at_work: Number of those that take up a place.
        learning: Examples of those.
        measured: Weight of those whose accuracy is known: their examples, at least one each.
        points: Sum of their accuracies by this weight, in units of 2^-60.
    """

    devices: int = 0
    examples: int = 0
    taking_part: int = 0
    at_work: int = 0
    learning: int = 0
    measured: int = 0
    points: int = 0

    @property
    def accuracy(self) -> float | None:
        """Mean accuracy by examples; None: nobody's is known."""
        return self.points / (self.measured * _UNIT) if self.measured else None

    def plus(self, other: "Tally") -> "Tally":
        """Return the sums over the devices of both."""
        return Tally(*(mine + its for mine, its in zip(self, other, strict=True)))

    def minus(self, other: "Tally") -> "Tally":
        """Return the sums without those of some of the devices."""
        return Tally(*(mine - its for mine, its in zip(self, other, strict=True)))


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sums over the devices of all of these."""
    return Tally(*map(sum, zip(*tallies, strict=True)))


def tally_of(client: Client, at: float) -> Tally:
    """Return what one device adds to the sums, as of a time (Unix seconds)."""
    is_at_work = client.is_at_work(at)
    weight = 0 if client.accuracy is None else max(client.examples, 1)
    return Tally(
        devices=1,
        examples=client.examples,
        taking_part=int(client.ready and client.state == "online"),
        at_work=int(is_at_work),
        learning=client.examples if is_at_work else 0,
        measured=weight,
        points=round((client.accuracy or 0.0) * _UNIT) * weight,
    )
