"""A cohort of members and its coordinator, in one process and without messages."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfpt_shared.masking.cohort import Codes, PublicKeys, Randomness
from mfpt_shared.masking.collector import unmasked
from mfpt_shared.masking.member import Keys, Member

NAME = "c0ff1e"


def seeded(seed: int) -> Randomness:
    """Return bytes that are the same in every run."""
    return np.random.default_rng(seed).bytes


def drawn(seed: int, length: int, limit: int = 1023) -> Codes:
    """Return codes between both limits."""
    codes = np.random.default_rng(seed).integers(-limit, limit + 1, length)
    return codes.astype(np.int16).view(np.uint16)


def added(codes: Collection[Codes]) -> Codes:
    """Return the sum modulo 2^16, computed in another way than the product does."""
    return np.array([sum(column) % 2**16 for column in zip(*(one.tolist() for one in codes), strict=True)], np.uint16)


@dataclass(frozen=True)
class Cohort:
    """Members, up to the point where key shares have been delivered among some of them."""

    keys: list[Keys]
    members: list[Member]
    envelopes: list[list[bytes]]

    @cached_property
    def public(self) -> list[PublicKeys]:
        return [keys.public for keys in self.keys]

    def forwarded(self, place: int, senders: Collection[int]) -> list[bytes]:
        """Return what a coordinator forwards to a member."""
        return [self.envelopes[sender][place] if sender in senders else b"" for sender in range(len(self.members))]

    def deliver(self, senders: Collection[int]) -> None:
        """Deliver key shares among those who sent theirs."""
        for place in senders:
            self.members[place].deliver(self.forwarded(place, senders))

    def masked(self, codes: Mapping[int, Codes]) -> dict[int, Codes]:
        """Return what the members with these codes send."""
        return {place: self.members[place].masked(own) for place, own in codes.items()}

    def total(self, senders: Collection[int], codes: Mapping[int, Codes], answering: Collection[int]) -> Codes:
        """Return the sum of the survivors' codes, as the coordinator gets it from those who answer."""
        self.deliver(senders)
        masked = self.masked(codes)
        revealed = {place: self.members[place].reveal(codes.keys()) for place in answering}
        return unmasked(NAME, masked, self.public, frozenset(senders), revealed)


def cohort(size: int, *, seed: int = 0, min_group: int = 2) -> Cohort:
    """Return a cohort whose members have made their key shares."""
    randomness = seeded(seed)
    keys = [Keys.fresh(randomness) for _ in range(size)]
    public = [own.public for own in keys]
    members = [Member(NAME, own, place, public, min_group, randomness) for place, own in enumerate(keys)]
    return Cohort(keys, members, [member.key_shares() for member in members])
