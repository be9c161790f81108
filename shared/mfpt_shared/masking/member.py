"""One device's part in a cohort: the messages that it makes, and the requests that it refuses.

    Member(...)      the coordinator's `gather` is in order
    key_shares()     what every other member is to hold of this one's secrets
    deliver(...)     what this one holds of theirs; those whose key shares came make up the sum
    masked(...)      its update, with a mask for each of them and one of its own
    reveal(...)      what it holds of the secrets that the coordinator needs for the sum, and of no others

Each step can be taken once. Whatever a member refuses leaves it as it was, and its device drops out of the cohort.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mfpt_shared.errors import Exposing
from mfpt_shared.masking.cohort import Codes, PublicKeys, Randomness, check_places, threshold
from mfpt_shared.masking.envelopes import KeyShares, Way, seal, unseal
from mfpt_shared.masking.shamir import SECRET_BYTES, split
from mfpt_shared.masking.streams import pair_mask, self_mask
from mfpt_shared.plan_sections import MOST_MEMBERS


@dataclass(frozen=True, slots=True)
class Keys:
    """The private keys of one device for one offer; their representation shows nothing of them.

    Attributes:
        mask: For masks; the other members hold shares of it.
        share: For the key shares that travel.
    """

    mask: X25519PrivateKey = field(repr=False)
    share: X25519PrivateKey = field(repr=False)

    @classmethod
    def fresh(cls, randomness: Randomness) -> "Keys":
        """Return new keys."""
        mask, share = (X25519PrivateKey.from_private_bytes(randomness(SECRET_BYTES)) for _ in range(2))
        return cls(mask, share)

    @property
    def public(self) -> PublicKeys:
        """What an offer says of them."""
        return PublicKeys(self.mask.public_key().public_bytes_raw(), self.share.public_key().public_bytes_raw())


class _Stage(IntEnum):
    GATHERED = 0
    DELIVERED = 1
    MASKED = 2
    REVEALED = 3


class Member:
    """One member of a cohort.

    Attributes:
        least: Least number of updates in a sum that it agrees to.
    """

    def __init__(
        self,
        cohort: str,
        keys: Keys,
        place: int,
        members: Sequence[PublicKeys],
        min_group: int,
        randomness: Randomness,
    ) -> None:
        """Join a cohort.

        Args:
            cohort: Its id.
            keys: This member's keys, drawn for this cohort alone.
            place: This member's place.
            members: Keys of all members, by place.
            min_group: Least number of updates in a sum.
            randomness: Where seed, polynomials and nonces come from.

        Raises:
            Exposing: The cohort is too small or too large, has one device in it twice, or this one at another place.
        """
        _check_cohort(keys.public, place, members, min_group)
        self._cohort = cohort
        self._keys = keys
        self._place = place
        self._members = tuple(members)
        self.least = max(threshold(len(members)), min_group)
        self._randomness = randomness
        self._seed = randomness(SECRET_BYTES)
        self._own = self._split()
        self._held: dict[int, KeyShares] = {}
        self._stage = _Stage.GATHERED

    def key_shares(self) -> list[bytes]:
        """Return the envelope for each member, by place; nothing at this member's own.

        Raises:
            DecodeError: A member's key is none.
        """
        private = self._keys.share
        return [
            b""
            if place == self._place
            else seal(self._own[place], Way(self._cohort, self._place, place), private, keys.share, self._randomness)
            for place, keys in enumerate(self._members)
        ]

    def deliver(self, envelopes: Sequence[bytes]) -> None:
        """Take the envelopes of the other members.

        Args:
            envelopes: By place; nothing at this member's own, and where a member has dropped out.

        Raises:
            DecodeError: One is damaged, or not for this member.
            Exposing: So many have dropped out that a sum would tell too much; or envelopes came before.
        """
        self._check_stage(_Stage.DELIVERED)
        check_places(len(envelopes), len(self._members), "key shares")
        came = {place: envelope for place, envelope in enumerate(envelopes) if envelope and place != self._place}
        if len(came) + 1 < self.least:
            raise Exposing(f"{len(came) + 1} members are left of a cohort that needs {self.least}")
        held = {place: self._unseal(place, envelope) for place, envelope in came.items()}
        self._held = {**held, self._place: self._own[self._place]}
        self._stage = _Stage.DELIVERED

    def masked(self, codes: Codes) -> Codes:
        """Return codes that look random to whoever does not know the masks.

        Raises:
            DecodeError: A member's key is none.
            Exposing: Codes were masked before: their difference to these would be open.
        """
        self._check_stage(_Stage.MASKED)
        hidden = codes + self_mask(self._seed, self._cohort, self._place, len(codes))
        for other in self._held.keys() - {self._place}:
            public = self._members[other].mask
            hidden += pair_mask(self._keys.mask, public, self._cohort, self._place, other, len(codes))
        self._stage = _Stage.MASKED
        return hidden

    def reveal(self, survivors: Collection[int]) -> list[bytes]:
        """Return key shares for the coordinator, by place: of a survivor's seed, of another member's mask key.

        Never both of one member, since both together would open its update.

        Args:
            survivors: Places of those whose masked codes the coordinator has.

        Raises:
            Exposing: They are too few, not members of this sum, or this one is not among them; or it was asked before.
        """
        self._check_stage(_Stage.REVEALED)
        remaining = frozenset(survivors)
        if self._place not in remaining or len(remaining) < self.least or not remaining <= self._held.keys():
            raise Exposing(
                f"the coordinator asks for the sum over members {sorted(remaining)}, which must have at least "
                f"{self.least}, this one among them, and nobody who had dropped out before"
            )
        self._stage = _Stage.REVEALED
        return [self._revealed(place, place in remaining) for place in range(len(self._members))]

    def _split(self) -> list[KeyShares]:
        """Return what each member is to hold of this one's secrets, by place."""
        members, needed = len(self._members), threshold(len(self._members))
        seeds = split(self._seed, needed, members, self._randomness)
        mask_keys = split(self._keys.mask.private_bytes_raw(), needed, members, self._randomness)
        return [KeyShares(*pair) for pair in zip(seeds, mask_keys, strict=True)]

    def _unseal(self, sender: int, envelope: bytes) -> KeyShares:
        way = Way(self._cohort, sender, self._place)
        return unseal(envelope, way, self._keys.share, self._members[sender].share)

    def _revealed(self, place: int, survives: bool) -> bytes:
        if place not in self._held:
            return b""
        held = self._held[place]
        return held.seed if survives else held.mask_key

    def _check_stage(self, wanted: _Stage) -> None:
        if self._stage != wanted - 1:
            raise Exposing(f"the coordinator asks for a step of cohort {self._cohort} twice, or out of turn")


def _check_cohort(own: PublicKeys, place: int, members: Sequence[PublicKeys], min_group: int) -> None:
    """Check that a sum over a cohort hides its members.

    Raises:
        Exposing: It would not.
    """
    if not max(2, min_group) <= len(members) <= MOST_MEMBERS:
        raise Exposing(f"a cohort of {len(members)}: the plan asks for {max(2, min_group)} to {MOST_MEMBERS} members")
    if len({key for keys in members for key in keys}) < 2 * len(members):
        raise Exposing("a cohort with one key at two places: one device may stand in it for several")
    if not 0 <= place < len(members) or members[place] != own:
        raise Exposing(f"a cohort in which this device's keys are not at place {place}")
