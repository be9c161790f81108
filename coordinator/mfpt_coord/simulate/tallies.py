"""Answers to test examples, one by one, so that a study can draw examples again and again (bootstrap)."""

from collections.abc import Sequence

import msgspec

from mfpt_shared.device.trainer import Tally


class Tallies(msgspec.Struct, frozen=True):
    """Answers to the test examples of a language: three numbers for each example, in order; see `trainer.Tally`."""

    right: tuple[int, ...]
    given: tuple[int, ...]
    wanted: tuple[int, ...]


def summed(devices: Sequence[Sequence[Tally]]) -> Tallies:
    """Add up, example by example, what the devices of a language answered.

    Args:
        devices: Tallies of the same test examples, for each device.
    """
    examples = [[sum(numbers) for numbers in zip(*answers, strict=True)] for answers in zip(*devices, strict=True)]
    right, given, wanted = zip(*examples, strict=True) if examples else ((), (), ())
    return Tallies(right, given, wanted)
