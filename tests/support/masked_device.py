"""A device under masks as its core behaves: one update in its outbox, new keys for each offer, real masks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mfpt_shared.base64url import decoded, encoded
from mfpt_shared.errors import Exposing
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.grid import Extras, grid
from mfpt_shared.masking.member import Keys, Member
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import (
    Ack,
    Deliver,
    Disband,
    Down,
    Gather,
    KeyShares,
    Masked,
    MaskedHeader,
    Offer,
    Reject,
    Resync,
    Reveal,
    Unmask,
)
from mfpt_shared.tensors import Array, layout, unflatten

Said = Offer | KeyShares | Masked | Reveal
NOTHING_MEASURED: Final = Extras()


@dataclass
class Held:
    """The update in the outbox; `sent`: whether a cohort has had it under masks."""

    sequence: int
    base: int
    delta: Array
    extras: Extras = NOTHING_MEASURED
    sent: bool = False

    @property
    def sha256(self) -> str:
        return update_digest(self.delta.tobytes()).hex()


@dataclass
class MaskedDevice:
    """One device.

    Attributes:
        held: What is in its outbox.
        counted: Numbers of the updates that were acknowledged.
        carried: Numbers of those that went into the next update instead.
        lost: Numbers of those that the coordinator refused.
        codes: What it put under masks, by number.
    """

    id: str
    language: LanguageCode
    plan: Plan
    randomness: Callable[[int], bytes]
    examples: int = 10
    held: Held | None = None
    last: int = 0
    keys: Keys | None = None
    member: Member | None = None
    cohort: str = ""
    factor: float = 1.0
    counted: list[int] = field(default_factory=list)
    carried: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    codes: dict[int, list[int]] = field(default_factory=dict)

    def trains(self, base: int, delta: Array, extras: Extras = NOTHING_MEASURED) -> Offer:
        """Make an update, and offer it."""
        self.last += 1
        self.held = Held(self.last, base, delta, extras)
        return self.offers()

    def offers(self) -> Offer:
        """Offer what it holds, under the keys that it has, or new ones."""
        assert self.held is not None
        self.keys = self.keys or Keys.fresh(self.randomness)
        public = self.keys.public
        return Offer(
            sequence=self.held.sequence,
            language=self.language,
            base_version=self.held.base,
            examples=self.examples,
            plan=self.plan.digest,
            backbone=self.plan.backbone.fingerprint,
            sha256=self.held.sha256,
            mask_key=encoded(public.mask),
            share_key=encoded(public.share),
            sent=self.held.sent,
        )

    def restarts(self) -> None:
        """Lose what is in memory."""
        self.keys = self.member = None
        self.cohort = ""

    def hears(self, message: Down) -> Said | None:
        """Return its answer."""
        match message:
            case Gather() if self._is_mine(message):
                return self._joins(message)
            case Deliver(cohort=cohort) if cohort == self.cohort and self.member is not None:
                return self._masks(message)
            case Unmask(cohort=cohort) if cohort == self.cohort and self.member is not None:
                try:
                    shares = self.member.reveal(message.survivors)
                except Exposing:
                    return None
                return Reveal(cohort=cohort, shares=tuple(map(encoded, shares)))
            case Ack() | Disband() | Reject() | Resync() if self._is_mine(message):
                return self._settles(message)
        return None

    def _is_mine(self, message: Gather | Ack | Disband | Reject | Resync) -> bool:
        return self.held is not None and (message.sequence, message.sha256) == (self.held.sequence, self.held.sha256)

    def _joins(self, gather: Gather) -> KeyShares | Offer | None:
        members = [PublicKeys(decoded(one.mask_key), decoded(one.share_key)) for one in gather.members]
        if self.keys is None or members[gather.place] != self.keys.public:
            return None
        if self.member is not None:
            # Keys are good for one cohort: shares of them are out already.
            self.restarts()
            return self.offers()
        self.cohort, self.factor = gather.cohort, gather.factor
        least = self.plan.privacy.min_group
        self.member = Member(gather.cohort, self.keys, gather.place, members, least, self.randomness)
        return KeyShares(cohort=gather.cohort, shares=tuple(map(encoded, self.member.key_shares())))

    def _masks(self, deliver: Deliver) -> Masked:
        assert self.member is not None
        assert self.held is not None
        self.member.deliver([decoded(share) for share in deliver.shares])
        delta = unflatten(self.held.delta, layout(self.plan))
        codes, _ = grid(self.plan).encode(delta, self.factor, self.held.extras)
        self.codes[self.held.sequence] = codes.astype(int).tolist()
        assert not self.held.sent, "the same update is sent twice"
        self.held.sent = True
        header = MaskedHeader(cohort=self.cohort, sequence=self.held.sequence)
        return Masked(header, self.member.masked(codes))

    def _settles(self, message: Ack | Disband | Reject | Resync) -> Offer | None:
        assert self.held is not None
        sent = self.held.sent
        self.restarts()
        if isinstance(message, Disband) and not sent:
            return self.offers()
        settled = self.counted if isinstance(message, Ack) else self.carried if sent else self.lost
        settled.append(self.held.sequence)
        self.held = None
        return None
