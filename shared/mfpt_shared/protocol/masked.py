"""How updates travel under masks: a device offers one, joins a cohort, and the coordinator learns the cohort's sum.

docs/protocol.md, "Masked sums", explains every field and every step. Keys and key shares are base64url; the bytes of
the key shares are those of `mfpt_shared.masking`.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from mfpt_shared.plan_sections import MOST_MEMBERS
from mfpt_shared.protocol.base import (
    Digest,
    Examples,
    FromCoordinator,
    FromDevice,
    Identifier,
    Message,
    Seconds,
    Sequence,
    Share,
    Tag,
    Text,
    Version,
)

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
KeyShare = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,256}\Z")]
Place = Annotated[int, Meta(ge=0, le=MOST_MEMBERS - 1)]
KeyShareList = Annotated[tuple[KeyShare, ...], Meta(min_length=2, max_length=MOST_MEMBERS)]


class Offer(FromDevice, frozen=True, kw_only=True, tag="offer"):
    """`client/<id>/up`: the device holds an update, and would add it to a masked sum.

    Attributes:
        sequence: Number of the update, as in the header of one that travels in the open.
        sha256: HMAC-SHA-256 of the update as the device keeps it, in hexadecimal, under a key that it never shows.
        mask_key: X25519 key for masks, drawn for this offer alone.
        share_key: X25519 key for key shares, drawn for this offer alone.
        sent: Whether the device has sent a masked update for this number, so that no other cohort may have it.
    """

    sequence: Sequence
    language: Tag
    base_version: Version
    examples: Examples
    plan: Digest
    backbone: Digest
    sha256: Sha256
    mask_key: Key
    share_key: Key
    seconds: Seconds = 0.0
    sent: bool = False


class MemberKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that a member of a cohort has offered."""

    mask_key: Key
    share_key: Key


class Gather(FromCoordinator, frozen=True, kw_only=True, tag="gather"):
    """`client/<id>/down`: the device is a member of a cohort.

    Attributes:
        cohort: Id of the cohort, the same for all its members, and for no other cohort.
        sequence: Number of the update that was offered.
        sha256: As in the offer.
        place: Index of the device among the members.
        factor: What the device multiplies its update by, the weight of its staleness.
        members: Keys of all members, by place.
    """

    cohort: Identifier
    sequence: Sequence
    sha256: Sha256
    place: Place
    factor: Share
    members: Annotated[tuple[MemberKeys, ...], Meta(min_length=2, max_length=MOST_MEMBERS)]


class KeyShares(FromDevice, frozen=True, kw_only=True, tag="key-shares"):
    """`client/<id>/up`: for each other member a share of the sender's secrets, encrypted for it.

    Attributes:
        shares: By place; empty at the sender's own.
    """

    cohort: Identifier
    shares: KeyShareList


class Deliver(FromCoordinator, frozen=True, kw_only=True, tag="deliver"):
    """`client/<id>/down`: what the other members' `key-shares` hold for this device.

    Attributes:
        shares: By the place of the sender; empty at the device's own, and where a member has dropped out.
    """

    cohort: Identifier
    shares: KeyShareList


class MaskedHeader(Message, frozen=True, kw_only=True):
    """What goes with the numbers of a masked update."""

    cohort: Identifier
    sequence: Sequence


class Unmask(FromCoordinator, frozen=True, kw_only=True, tag="unmask"):
    """`client/<id>/down`: these members' masked updates have arrived; show what their masks can be taken off with.

    Attributes:
        survivors: Their places, in ascending order.
    """

    cohort: Identifier
    survivors: Annotated[tuple[Place, ...], Meta(min_length=2, max_length=MOST_MEMBERS)]


class Reveal(FromDevice, frozen=True, kw_only=True, tag="reveal"):
    """`client/<id>/up`: the answer to `unmask`.

    Attributes:
        shares: By place: of a survivor a share of its self mask's seed, of a member that dropped out after its key
            shares a share of its mask key, and nothing of any other.
    """

    cohort: Identifier
    shares: KeyShareList


class Disband(FromCoordinator, frozen=True, kw_only=True, tag="disband"):
    """`client/<id>/down`: the update is in no sum of this cohort, and never will be.

    Attributes:
        cohort: Id of the cohort; empty where the coordinator does not know any more which one it was.
        sequence: Number of the update that was offered.
        sha256: As in the offer.
        detail: Why, for people.
    """

    cohort: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,64}\Z")]
    sequence: Sequence
    sha256: Sha256
    detail: Text = ""


@dataclass(frozen=True, slots=True)
class Masked:
    """`client/<id>/up`: an update under masks, as integers modulo 2^16.

    Attributes:
        values: [number of values of a prompt state + 4].
    """

    header: MaskedHeader
    values: NDArray[np.uint16]
