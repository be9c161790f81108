"""Devices that are online, in crowds of those that a fold counts by the same rule, so that it need not look at each.

A fold needs of a device its language, its examples, and whether it is a newcomer. So it is enough to know how many
devices have how many examples: with at most 500 examples each, a hundred thousand devices are some hundreds of numbers
for each language.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mfpt_coord.core.client import Client
from mfpt_shared.languages import LanguageCode


class Crowd(NamedTuple):
    """The newcomers of a language, or its other devices."""

    language: LanguageCode
    is_new: bool


Place = tuple[Crowd, int]
"""Where a device is: its crowd, and its examples."""
Crowds = Mapping[Crowd, Mapping[int, int]]
"""Crowd -> examples -> number of its devices that have so many. No crowd is empty, and no number is 0."""


def place_of(client: Client, newcomer_updates: int) -> Place | None:
    """Return where a device is; None: it is not online, or has no examples.

    Args:
        client: The device.
        newcomer_updates: Updates in earlier folds from which on it is no newcomer.
    """
    if client.state != "online" or client.examples < 1:
        return None
    return Crowd(client.language, client.folded < newcomer_updates), client.examples


def crowds_of(places: Iterable[Place | None]) -> Crowds:
    """Return the crowds of devices that are at these places."""
    crowds: dict[Crowd, dict[int, int]] = {}
    for place in places:
        if place is not None:
            crowd, examples = place
            devices = crowds.setdefault(crowd, {})
            devices[examples] = devices.get(examples, 0) + 1
    return crowds


def moved(crowds: Crowds, before: Place | None, after: Place | None) -> Crowds:
    """Return the crowds when a device has gone from one place to another one; None: it is at none."""
    if before == after:
        return crowds
    changed = dict(crowds)
    for place, more in ((before, -1), (after, 1)):
        if place is not None:
            crowd, examples = place
            devices = {**changed.get(crowd, {})}
            devices[examples] = devices.get(examples, 0) + more
            if not devices[examples]:
                del devices[examples]
            changed[crowd] = devices
            if not devices:
                del changed[crowd]
    return changed
