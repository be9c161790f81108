"""What each observer of a federation sees of a round.

peer          a device: the prompts of all languages, and its own update
broker        anybody who may read at the broker: the prompts of all languages. Who runs a broker of his own, beside the
              coordinator, also reads what the coordinator reads of single updates
coordinator   in the open every update, under masks every sum
database      whoever takes the coordinator's database: what waits for a fold, as the coordinator sees it; of what was
              folded, prompts in full precision
"""

import secrets
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from mfpt_shared.masking.grid import Extras
from mfpt_shared.masking.member import Keys, Member
from mfpt_shared.tensors import PromptState, unflatten
from reproduction.membership import Head
from reproduction.privacy_attack import Observation
from reproduction.privacy_federation import Setting, Track, head_of, noisy_mean
from reproduction.privacy_folds import Entry, Folding, without
from reproduction.privacy_laboratory import Device

Observer = Literal["peer", "broker", "coordinator", "database"]

Groups = Sequence[tuple[int, ...]]


def groups_of(devices: int, size: int) -> list[tuple[int, ...]]:
    """Return as many groups of a size as there are devices for; neighbours, who speak one language where they can."""
    return [tuple(range(first, first + size)) for first in range(0, devices - size + 1, size)]


def updates(track: Track, number: int) -> list[Observation]:
    """Return what each update of a round says."""
    return [Observation(head_of(update), (place,)) for place, update in enumerate(track.sent[number])]


def sums(track: Track, setting: Setting, number: int, groups: Groups, rng: np.random.Generator) -> list[Observation]:
    """Return the means of groups, as sums under masks give them.

    Args:
        track: What came of the federation.
        setting: How updates travel.
        number: The round, from 0.
        groups: Places of the devices whose updates are added up.
        rng: Source of the noise.
    """
    noise = setting.noise_of_sum()
    return [
        Observation(head_of(noisy_mean([track.sent[number][place] for place in group], noise, rng)), group)
        for group in groups
    ]


def entries(
    track: Track, setting: Setting, number: int, groups: Groups, devices: Sequence[Device], rng: np.random.Generator
) -> list[Entry]:
    """Return what a fold is made of: an update of each group, or a sum.

    Args:
        track: What came of the federation.
        setting: How updates travel.
        number: The round, from 0.
        groups: Places of the devices of each update or sum; those of a group speak one language.
        devices: All devices.
        rng: Source of the noise.
    """
    noise = setting.noise_of_sum()
    return [
        Entry(devices[group[0]].language, group, noisy_mean([track.sent[number][place] for place in group], noise, rng))
        for group in groups
    ]


def prompts(
    track: Track, number: int, folding: Folding, folds: Sequence[Sequence[Entry]], *, rounded: bool = True
) -> list[Observation]:
    """Return what folds show to whoever reads the prompts of all languages.

    Args:
        track: What came of the federation.
        number: The round, from 0.
        folding: How the federation folds.
        folds: What each fold is made of.
        rounded: Whether prompts are seen as they travel, in half precision.
    """
    before = track.before[number]
    return [
        Observation(shown.change, shown.members)
        for fold in folds
        for shown in folding.shown(before, fold, rounded=rounded)
    ]


def prompts_and_own(track: Track, number: int, folding: Folding, folds: Sequence[Sequence[Entry]]) -> list[Observation]:
    """Return what a member of each fold makes of it, who takes its own update out; arguments as for `prompts`."""
    found = []
    for fold in folds:
        own = fold[0].members[0]
        for shown in folding.shown(track.before[number], fold, rounded=True):
            rest = without(shown, fold, own, track.sent[number][own])
            if rest is not None:
                found.append(Observation(rest.change, rest.members))
    return found


def masked_vectors(setting: Setting, updates: Sequence[PromptState]) -> Iterator[Head]:
    """Yield what the coordinator receives from each member of a cohort with fresh keys, as if it had no mask."""
    grid, keys = setting.grid, [Keys.fresh(secrets.token_bytes) for _ in updates]
    public, cohort = [one.public for one in keys], secrets.token_hex(8)
    members = [
        Member(cohort, own, place, public, min(len(keys), setting.plan.privacy.min_group), secrets.token_bytes)
        for place, own in enumerate(keys)
    ]
    envelopes = [member.key_shares() for member in members]
    for place, (member, update) in enumerate(zip(members, updates, strict=True)):
        member.deliver([of_sender[place] for of_sender in envelopes])
        codes, _ = grid.encode(update, 1.0, Extras())
        hidden = member.masked(codes).view(np.int16)[: -grid.extras]
        yield head_of(unflatten((hidden * grid.spacing).astype(np.float32), grid.shapes))
