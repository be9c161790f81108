"""The stages of one cohort: from the offers of its members to the sum of their updates, or to nothing.

    sharing     each member gets `gather`, and answers with its key shares; who does not has dropped out
    masking     each of the others gets `deliver`, and answers with its masked update; those who do are the survivors
    revealing   each survivor gets `unmask`, and answers with `reveal`; as soon as enough have, the masks come off

A stage ends when everybody has answered who is there, if these are enough, else after `STAGE_SECONDS`. Whoever drops
out is told `disband`, and so is everybody when fewer are left than the plan or the masks ask for: then nothing was
learned. All of it is in memory alone. Source: Bonawitz et al. 2017, "Practical secure aggregation for
privacy-preserving machine learning", figure 4, without its round of signatures.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

from mfpt_shared.base64url import decoded
from mfpt_shared.errors import DecodeError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.cohort import Codes, PublicKeys, threshold
from mfpt_shared.masking.collector import unmasked
from mfpt_shared.masking.envelopes import ENVELOPE_BYTES
from mfpt_shared.protocol.messages import (
    Deliver,
    Disband,
    Down,
    Gather,
    KeyShares,
    Masked,
    MemberKeys,
    Offer,
    Reveal,
    Unmask,
)

STAGE_SECONDS: Final = 30.0
_LATE: Final = "the answer of this device did not come in time"

Told = tuple[str, Down]
"""A device, and what it is told."""


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer that was taken.

    Attributes:
        examples: Number of training examples that count; the device may claim more.
        at: When it came first, Unix seconds.
        factor: How much the update counts by its staleness, once the offer is in a cohort.
        staleness: Versions that it was behind by then.
    """

    client: str
    offer: Offer
    examples: int
    at: float
    factor: float = 1.0
    staleness: int = 0

    @property
    def language(self) -> LanguageCode:
        """Language of the update."""
        return LanguageCode(self.offer.language)

    def disbanded(self, cohort: str, detail: str) -> Told:
        """Return that the update is in no sum of a cohort."""
        offer = self.offer
        return self.client, Disband(cohort=cohort, sequence=offer.sequence, sha256=offer.sha256, detail=detail)


@dataclass(frozen=True, slots=True)
class Cohort:
    """A cohort at work.

    Attributes:
        members: By place.
        needed: How many members must be left at the end of every stage.
        until: When the stage is over, Unix seconds.
        left: Places of the members who have not dropped out.
        envelopes: Key shares of each member, as they came.
        delivered: Places of those whose key shares the others have.
        masked: Masked codes, by place.
        revealed: What each survivor has revealed.
    """

    id: str
    members: tuple[Offered, ...]
    needed: int
    until: float
    left: frozenset[int]
    stage: Literal["sharing", "masking", "revealing"] = "sharing"
    envelopes: Mapping[int, Sequence[str]] = field(default_factory=dict)
    delivered: frozenset[int] = frozenset()
    masked: Mapping[int, Codes] = field(default_factory=dict)
    revealed: Mapping[int, Sequence[bytes]] = field(default_factory=dict)

    @property
    def languages(self) -> list[LanguageCode]:
        """Languages of the members, each once."""
        return sorted({member.language for member in self.members})

    @property
    def answered(self) -> frozenset[int]:
        """Places of those whose answer at this stage has come."""
        answers = {"sharing": self.envelopes, "masking": self.masked, "revealing": self.revealed}
        return self.left.intersection(answers[self.stage])

    def place_of(self, client: str) -> int | None:
        """Return the place of a member that has not dropped out; None: the device is no such member."""
        return next((place for place in sorted(self.left) if self.members[place].client == client), None)


class Turn(NamedTuple):
    """What became possible in a cohort.

    Attributes:
        cohort: The cohort at its next stage; None: it has ended.
        told: What its members are told.
        total: Sum of the survivors' codes modulo 2^16; None: there is none yet, or never will be.
        failure: Why there never will be one, in words.
    """

    cohort: Cohort | None
    told: list[Told]
    total: Codes | None = None
    failure: str = ""


def begun(members: Sequence[Offered], least: int, at: float) -> tuple[Cohort, list[Told]]:
    """Return a new cohort, and what its members are told.

    Its id is drawn from the updates and their keys. A number counts once, so that no two sums have the same id, even
    where devices use their keys again.

    Args:
        members: By place.
        least: Least number of members that the plan allows.
        at: Unix seconds.
    """
    keys = [MemberKeys(mask_key=one.offer.mask_key, share_key=one.offer.share_key) for one in members]
    offered = [f"{one.client} {one.offer.sequence} {one.offer.mask_key} {one.offer.share_key}" for one in members]
    name = hashlib.sha256("\n".join(offered).encode()).hexdigest()[:32]
    needed = max(threshold(len(members)), least)
    cohort = Cohort(name, tuple(members), needed, at + STAGE_SECONDS, frozenset(range(len(members))))
    return cohort, [
        (
            member.client,
            Gather(
                cohort=name,
                sequence=member.offer.sequence,
                sha256=member.offer.sha256,
                place=place,
                factor=member.factor,
                members=tuple(keys),
            ),
        )
        for place, member in enumerate(members)
    ]


def heard(cohort: Cohort, place: int, message: KeyShares | Masked | Reveal, length: int) -> Cohort:
    """Return a cohort with a member's answer; only the first one at each stage counts, and only in its turn.

    What cannot be read is no answer.

    Args:
        cohort: The cohort.
        place: Place of a member that has not dropped out.
        message: Its answer.
        length: Number of codes in a masked update of the plan.
    """
    if place in cohort.answered:
        return cohort
    match message:
        case KeyShares(shares=shares) if cohort.stage == "sharing" and _are_sealed(shares, place, len(cohort.members)):
            return replace(cohort, envelopes={**cohort.envelopes, place: shares})
        case Masked() if cohort.stage == "masking" and _fits(message, cohort.members[place], length):
            return replace(cohort, masked={**cohort.masked, place: message.values})
        case Reveal(shares=shares) if cohort.stage == "revealing" and len(shares) == len(cohort.members):
            with suppress(DecodeError):
                return replace(cohort, revealed={**cohort.revealed, place: [decoded(share) for share in shares]})
    return cohort


def _are_sealed(shares: Sequence[str], place: int, members: int) -> bool:
    """Tell whether there are key shares for all others, as far as it shows; what nobody can read spoils every part."""
    sizes = [0 if at == place else ENVELOPE_BYTES for at in range(members)]
    with suppress(DecodeError):
        return [len(decoded(share)) for share in shares] == sizes
    return False


def _fits(masked: Masked, member: Offered, length: int) -> bool:
    return masked.header.sequence == member.offer.sequence and len(masked.values) == length


def without(cohort: Cohort, place: int) -> Cohort:
    """Return a cohort from which a member has dropped out, of itself."""
    return replace(cohort, left=cohort.left - {place})


def turn(cohort: Cohort, at: float, there: Collection[str]) -> Turn | None:
    """Return what became possible; None: the stage goes on.

    Args:
        cohort: The cohort.
        at: Unix seconds.
        there: Devices whose answers may still come.
    """
    if len(cohort.left) < cohort.needed:
        return failed(cohort, f"too few devices are left: {len(cohort.left)}")
    answered, is_late = cohort.answered, at >= cohort.until
    if cohort.stage == "revealing":
        return _opened(cohort, is_last=is_late or answered == cohort.left)
    waits = any(cohort.members[place].client in there for place in cohort.left - answered)
    if not is_late and (waits or len(answered) < cohort.needed):
        return None
    if len(answered) < cohort.needed:
        return failed(cohort, f"too few devices answered in time: {len(answered)}")
    after, told = (_delivering if cohort.stage == "sharing" else _unmasking)(cohort, at)
    dropped = sorted(cohort.left - after.left)
    return Turn(after, told + [cohort.members[place].disbanded(cohort.id, _LATE) for place in dropped])


def _delivering(cohort: Cohort, at: float) -> tuple[Cohort, list[Told]]:
    """Return the stage after the key shares: everybody gets what the others hold for it."""
    left = cohort.answered
    after = replace(cohort, stage="masking", until=at + STAGE_SECONDS, left=left, delivered=left)
    told: list[Told] = []
    for place in sorted(left):
        for_it = [cohort.envelopes[one][place] if one in left - {place} else "" for one in range(len(cohort.members))]
        told.append((cohort.members[place].client, Deliver(cohort=cohort.id, shares=tuple(for_it))))
    return after, told


def _unmasking(cohort: Cohort, at: float) -> tuple[Cohort, list[Told]]:
    """Return the stage after the masked updates: the survivors are asked for what takes the masks off."""
    left = cohort.answered
    unmask = Unmask(cohort=cohort.id, survivors=tuple(sorted(left)))
    after = replace(cohort, stage="revealing", until=at + STAGE_SECONDS, left=left)
    return after, [(cohort.members[place].client, unmask) for place in sorted(left)]


def _opened(cohort: Cohort, *, is_last: bool) -> Turn | None:
    """Return the end of a cohort, if enough survivors have answered, or no more answers are waited for."""
    if len(cohort.revealed) < threshold(len(cohort.members)) and not is_last:
        return None
    try:
        keys = [PublicKeys(decoded(one.offer.mask_key), decoded(one.offer.share_key)) for one in cohort.members]
        return Turn(None, [], unmasked(cohort.id, cohort.masked, keys, cohort.delivered, cohort.revealed))
    except DecodeError as error:
        return failed(cohort, str(error)) if is_last else None


def failed(cohort: Cohort, failure: str) -> Turn:
    """Return the end of a cohort that leads to nothing."""
    told = [cohort.members[place].disbanded(cohort.id, failure) for place in sorted(cohort.left)]
    return Turn(None, told, failure=failure)
