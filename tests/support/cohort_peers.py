"""A cohort around one device: peers that do what devices do, and a coordinator whose orders the test makes up."""

import secrets
from typing import Final

import numpy as np

from mfpt_shared.device.cohorts import Cohorts
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import (
    Deliver,
    Gather,
    KeyShares,
    Masked,
    MemberKeys,
    Metrics,
    Offer,
    Unmask,
    Update,
    UpdateHeader,
)
from mfpt_shared.tensors import PromptState, layout

PEERS: Final = 2
OTHERS: Final = tuple(range(1, PEERS + 1))
"""Places of the peers; the device is at place 0."""


def update_of(plan: Plan, delta: PromptState | float, sequence: int = 1, own_share: float | None = None) -> Update:
    """Return an update as a device keeps it under masks; a number stands for that change of every value."""
    header = UpdateHeader(
        sequence=sequence,
        language="swh",
        base_version=0,
        examples=10,
        plan=plan.digest,
        backbone="",
        metrics=Metrics(own_share=own_share),
    )
    if isinstance(delta, float):
        delta = {name: np.full(shape, delta, np.float32) for name, shape in layout(plan).items()}
    return Update(header, delta)


class Peers:
    """The other members of one cohort, and its coordinator.

    Attributes:
        name: Id of the cohort.
    """

    def __init__(self, plan: Plan, offer: Offer, *, name: str = "cohort", delta: float = 0.0) -> None:
        """Gather a cohort.

        Args:
            plan: Plan with masks.
            offer: The device's offer.
            name: Id of the cohort.
            delta: What each peer changes.
        """
        self.name = name
        self._offer = offer
        self._update = update_of(plan, delta)
        self._peers = [Cohorts(plan, secrets.token_bytes) for _ in OTHERS]
        offers = [offer, *(peer.offer(self._update, "", sent=False) for peer in self._peers)]
        self.keys = tuple(MemberKeys(mask_key=one.mask_key, share_key=one.share_key) for one in offers)

    def gather(self, place: int = 0, factor: float = 1.0, keys: tuple[MemberKeys, ...] = ()) -> Gather:
        """Return the order to join; with other keys, one that an honest coordinator would not give."""
        return Gather(
            cohort=self.name,
            sequence=self._offer.sequence if place == 0 else 1,
            sha256=self._offer.sha256 if place == 0 else "",
            place=place,
            factor=factor,
            members=keys or self.keys,
        )

    def deliver(self, answer: KeyShares) -> Deliver:
        """Let the peers take part up to their masked updates, and return the device's key shares."""
        all_shares = [answer.shares, *(peer.gather(self.gather(place)).shares for place, peer in self._numbered())]
        for_each = [tuple(shares[place] for shares in all_shares) for place in range(PEERS + 1)]
        self.masked = [
            peer.deliver(Deliver(cohort=self.name, shares=for_each[place]), self._update)
            for place, peer in self._numbered()
        ]
        return Deliver(cohort=self.name, shares=for_each[0])

    def unmask(self, survivors: tuple[int, ...] = (0, *OTHERS)) -> Unmask:
        """Return the order to reveal."""
        return Unmask(cohort=self.name, survivors=survivors)

    def revealed(self) -> dict[int, tuple[str, ...]]:
        """Return what the peers reveal, by place."""
        return {place: peer.unmask(self.unmask()).shares for place, peer in self._numbered()}

    def _numbered(self) -> list[tuple[int, Cohorts]]:
        return list(zip(OTHERS, self._peers, strict=True))


def all_masked(peers: Peers, own: Masked) -> dict[int, np.ndarray[tuple[int], np.dtype[np.uint16]]]:
    """Return the masked codes of a cohort, by place."""
    return {place: one.values for place, one in enumerate([own, *peers.masked])}
