"""What each observer of a federation sees of a round.

peer          a device: the prompts, and its own update
broker        whoever runs the broker, where nothing is sealed against it: the prompts
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
from mfpt_shared.tensors import PromptState, dense, difference, halve, total, unflatten
from reproduction.membership import Head
from reproduction.privacy_attack import Observation
from reproduction.privacy_federation import Setting, Track, head_of, noisy_mean

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


def prompts(
    track: Track, setting: Setting, number: int, groups: Groups, rng: np.random.Generator, *, rounded: bool = True
) -> list[Observation]:
    """Return what a fold of each group would change in the prompt.

    Args:
        track: What came of the federation.
        setting: How updates travel.
        number: The round, from 0.
        groups: Places of the devices whose updates a fold has.
        rng: Source of the noise.
        rounded: Whether prompts are seen as they travel, in half precision.
    """
    before, noise = track.before[number], setting.noise_of_sum()
    found = []
    for group in groups:
        after = total(before, noisy_mean([track.sent[number][place] for place in group], noise, rng))
        change = difference(_travelled(after), _travelled(before)) if rounded else difference(after, before)
        found.append(Observation(head_of(change), group))
    return found


def without_own(track: Track, number: int, seen: Sequence[Observation]) -> list[Observation]:
    """Return what the first device of each group knows of the others: it takes its own update out of the fold."""
    found = []
    for change, members in seen:
        own, others = head_of(track.sent[number][members[0]]), members[1:]
        rest = [(len(members) * all_parts - mine) / len(others) for all_parts, mine in zip(change, own, strict=True)]
        found.append(Observation(Head(*rest), others))
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


def _travelled(state: PromptState) -> PromptState:
    return dense(halve(state))
