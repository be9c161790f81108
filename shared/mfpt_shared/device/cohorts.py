"""The cohorts that a device is a member of: keys for its offers, and answers to what the coordinator asks. Sans-IO.

An offer has keys of its own. They stay the same while it waits, and serve one cohort: its members get key shares of
them, with which a second cohort could be opened. Nothing here outlives the process.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mfpt_shared.base64url import decoded, encoded
from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import Codes, PublicKeys, Randomness
from mfpt_shared.masking.grid import Extras, grid
from mfpt_shared.masking.member import Keys, Member
from mfpt_shared.masking.release import noisy_part
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import (
    Deliver,
    Disband,
    Gather,
    KeyShares,
    Masked,
    MaskedHeader,
    Offer,
    Reveal,
    Unmask,
    Update,
)
from mfpt_shared.tensors import PromptState, dense

CohortOrder = Gather | Deliver | Unmask | Disband
"""What the coordinator asks of a member, or tells it."""


class NotAwaited(DecodeError):
    """An order that came twice, or for a cohort that is over for the device; it happens at honest coordinators too."""


@dataclass(slots=True)
class _Membership:
    """A device's part in a cohort, for one of its updates.

    Attributes:
        cohort: Id of the cohort.
        keys: The keys of the offer; no other cohort gets them.
        member: Makes what it sends.
        factor: What the update is multiplied by, 0 to 1.
        others: Number of others that it is, or will be, added up with, as far as known.
        left: What the grid left out of the update; None before it was put under masks.
    """

    cohort: str
    keys: Keys
    member: Member
    factor: float
    others: int
    left: PromptState | None = None


class Cohorts:
    """Keys and memberships for the updates that a device offers in this process, by their numbers.

    Attributes:
        min_group: Least number of devices in a cohort.
    """

    def __init__(self, plan: Plan, randomness: Randomness) -> None:
        """Begin without offers.

        Args:
            plan: Plan with masks.
            randomness: Where keys, seeds, key shares and noise come from.
        """
        self._grid = grid(plan)
        self.min_group = plan.privacy.min_group
        self._noise = plan.privacy.noise
        self._randomness = randomness
        self._keys: dict[int, Keys] = {}
        self._memberships: dict[int, _Membership] = {}

    def offer(self, update: Update, sha256: str, *, sent: bool) -> Offer:
        """Return an offer of an update, with the keys of the last one until its cohort is over.

        Args:
            update: The update.
            sha256: What the offer calls it.
            sent: Whether it has left under masks before; no other cohort gets it then, whatever is asked.
        """
        header = update.header
        keys = self._offered(header.sequence) or Keys.fresh(self._randomness)
        if not sent and header.sequence not in self._memberships:
            self._keys[header.sequence] = keys
        return Offer(
            sequence=header.sequence,
            language=header.language,
            base_version=header.base_version,
            examples=header.examples,
            plan=header.plan,
            backbone=header.backbone,
            sha256=sha256,
            mask_key=encoded(keys.public.mask),
            share_key=encoded(keys.public.share),
            seconds=header.seconds,
            sent=sent,
        )

    def gather(self, order: Gather) -> KeyShares:
        """Join a cohort with an update that waits for one.

        Raises:
            NotAwaited: No offer of this number waits.
            DecodeError: The cohort is none; nothing has changed.
        """
        keys = self._keys.get(order.sequence)
        if keys is None:
            raise NotAwaited(f"nothing new: cohort {order.cohort} is gathered for an offer that waits no longer")
        members = [PublicKeys(decoded(one.mask_key), decoded(one.share_key)) for one in order.members]
        member = Member(order.cohort, keys, order.place, members, self.min_group, self._randomness)
        answer = KeyShares(cohort=order.cohort, shares=_texts(member.key_shares()))
        del self._keys[order.sequence]
        self._memberships[order.sequence] = _Membership(order.cohort, keys, member, order.factor, len(members) - 1)
        return answer

    def deliver(self, order: Deliver, update: Update) -> Masked:
        """Return an update under masks; from now on, it joins no other cohort.

        Args:
            order: Key shares of the other members.
            update: The update that joined, see `sequence`.

        Raises:
            NotAwaited: The device is no member of this cohort any more.
            DecodeError: The key shares are not in order; nothing has changed.
        """
        sequence, membership = self._of(order.cohort)
        membership.member.deliver([decoded(share) for share in order.shares])
        metrics = update.header.metrics
        extras = Extras(metrics.own_share, metrics.accuracy)
        codes, left = self._grid.encode(dense(update.delta), membership.factor, extras)
        values = membership.member.masked(self._noisy(codes, membership.member.least))
        membership.left = left
        return Masked(MaskedHeader(cohort=order.cohort, sequence=sequence), values)

    def _noisy(self, codes: Codes, least: int) -> Codes:
        """Return codes with as much noise as the smallest sum needs from each, or, with local noise, from one alone."""
        if self._noise == "none":
            return codes
        return noisy_part(codes, self._grid, 1 if self._noise == "local" else least, self._randomness)

    def unmask(self, order: Unmask) -> Reveal:
        """Return what the coordinator needs for the sum.

        Raises:
            NotAwaited: The device is no member of this cohort any more.
            DecodeError: The sum would show too much; nothing has changed.
        """
        _, membership = self._of(order.cohort)
        shares = membership.member.reveal(order.survivors)
        membership.others = len(order.survivors) - 1
        return Reveal(cohort=order.cohort, shares=_texts(shares))

    def has_served(self, order: Gather) -> bool:
        """Tell whether a cohort is gathered with keys that serve another: the coordinator has forgotten that one."""
        membership = self._memberships.get(order.sequence)
        if membership is None or membership.cohort == order.cohort:
            return False
        return encoded(membership.keys.public.mask) in [one.mask_key for one in order.members]

    def sequence(self, cohort: str) -> int:
        """Return the number of the update with which the device is a member of a cohort.

        Raises:
            NotAwaited: It is no member of it any more.
        """
        return self._of(cohort)[0]

    def cohort(self, sequence: int) -> str:
        """Return the cohort that an update has joined; empty: none, or one that is over."""
        return self._memberships[sequence].cohort if sequence in self._memberships else ""

    def others(self, sequence: int) -> int:
        """Return with how many others an update is added up, as far as known; 0: in no cohort."""
        return self._memberships[sequence].others if sequence in self._memberships else 0

    def leave(self, sequence: int) -> PromptState | None:
        """Forget the cohort of an update; return what the grid had left out of it, None if it was never masked."""
        membership = self._memberships.pop(sequence, None)
        return None if membership is None else membership.left

    def forget(self, sequence: int) -> PromptState | None:
        """Forget an update that waits no longer; the value as for `leave`."""
        self._keys.pop(sequence, None)
        return self.leave(sequence)

    def _offered(self, sequence: int) -> Keys | None:
        """Return the keys under which an update is offered, or was, if its cohort is not over."""
        membership = self._memberships.get(sequence)
        return self._keys.get(sequence) if membership is None else membership.keys

    def _of(self, cohort: str) -> tuple[int, _Membership]:
        for sequence, membership in self._memberships.items():
            if membership.cohort == cohort:
                return sequence, membership
        raise NotAwaited(f"nothing new: cohort {cohort} is over for this device")


def _texts(shares: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(encoded(share) for share in shares)
