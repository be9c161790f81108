"""A device of the benchmark: it holds an update, and sends it in the open or adds it to a sum under masks."""

import secrets

from masks_bench.sides import DeviceSide
from mfpt_shared.base64url import decoded, encoded
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.grid import Extras, grid
from mfpt_shared.masking.member import Keys, Member
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import (
    Ack,
    Deliver,
    Gather,
    KeyShares,
    Masked,
    MaskedHeader,
    Offer,
    Reveal,
    Unmask,
    Update,
    UpdateHeader,
)
from mfpt_shared.tensors import PromptState, quantise_with_feedback

EXAMPLES = 35
LANGUAGE = "swh"
NO_DIGEST = "0" * 64
MEASURED = Extras(own_share=0.5, accuracy=0.7)


class Device(DeviceSide):
    """A device with an update; every step takes what came and returns what it sends."""

    def __init__(self, name: str, plan: Plan, delta: PromptState) -> None:
        super().__init__(name)
        self.delta = delta
        self._plan = plan
        self._keys: Keys
        self._member: Member

    def update(self) -> bytes:
        """Send the update in the open."""
        with self.at_work():
            packed, _ = quantise_with_feedback(self.delta, None, self._plan.privacy.clip_norm)
            header = UpdateHeader(
                sequence=1,
                language=LANGUAGE,
                base_version=0,
                examples=EXAMPLES,
                plan=self._plan.digest,
                backbone=NO_DIGEST,
            )
            return self.say(self.name, Update(header, packed))

    def offer(self) -> bytes:
        with self.at_work():
            self._keys = Keys.fresh(secrets.token_bytes)
            public = self._keys.public
            offer = Offer(
                sequence=1,
                language=LANGUAGE,
                base_version=0,
                examples=EXAMPLES,
                plan=self._plan.digest,
                backbone=NO_DIGEST,
                sha256=NO_DIGEST,
                mask_key=encoded(public.mask),
                share_key=encoded(public.share),
            )
            return self.say(self.name, offer)

    def key_shares(self, payload: bytes) -> bytes:
        with self.at_work():
            gather = self.hear(self.name, payload, Gather)
            members = [PublicKeys(decoded(one.mask_key), decoded(one.share_key)) for one in gather.members]
            least = self._plan.privacy.min_group
            self._member = Member(gather.cohort, self._keys, gather.place, members, least, secrets.token_bytes)
            shares = tuple(encoded(envelope) for envelope in self._member.key_shares())
            return self.say(self.name, KeyShares(cohort=gather.cohort, shares=shares))

    def masked(self, payload: bytes) -> bytes:
        with self.at_work():
            deliver = self.hear(self.name, payload, Deliver)
            self._member.deliver([decoded(share) for share in deliver.shares])
            codes, _ = grid(self._plan).encode(self.delta, 1.0, MEASURED)
            header = MaskedHeader(cohort=deliver.cohort, sequence=1)
            return self.say(self.name, Masked(header, self._member.masked(codes)))

    def reveal(self, payload: bytes) -> bytes:
        with self.at_work():
            unmask = self.hear(self.name, payload, Unmask)
            shares = tuple(encoded(share) for share in self._member.reveal(unmask.survivors))
            return self.say(self.name, Reveal(cohort=unmask.cohort, shares=shares))

    def acknowledged(self, payload: bytes) -> None:
        with self.at_work():
            self.hear(self.name, payload, Ack)
