"""What can happen to the coordinator. `at` is the time, Unix seconds by a clock that never jumps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mfpt_coord.core.admission import Invitation
from mfpt_coord.core.audit import NOBODY, Actor
from mfpt_coord.core.relations import Distances
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import (
    ClientState,
    Enrol,
    EvaluationReport,
    KeyShares,
    Masked,
    Offer,
    Ready,
    Reveal,
    Update,
    UpdateHeader,
)
from mfpt_shared.tensors import Array


@dataclass(frozen=True, slots=True)
class ClientSaid:
    """A device published its state, said that it is ready, or reported an evaluation."""

    at: float
    client: str
    message: ClientState | Ready | EvaluationReport


@dataclass(frozen=True, slots=True)
class UpdateArrived:
    """A device sent an update.

    Attributes:
        payload: The frame as it came, for the store to keep.
        is_stored: Whether the store holds these very bytes from this device, under this number.
    """

    at: float
    client: str
    update: Update
    payload: bytes
    is_stored: bool = False

    @property
    def header(self) -> UpdateHeader:
        """What the device says of the update."""
        return self.update.header

    @property
    def digest(self) -> bytes:
        """By what the update is recognised when it comes again."""
        return update_digest(self.payload)

    @property
    def sha256(self) -> str:
        """The same, as answers name it."""
        return self.digest.hex()


@dataclass(frozen=True, slots=True)
class OfferMade:
    """A device offers an update for a sum under masks.

    Attributes:
        offer: What it says; its `sha256` is hexadecimal.
        is_stored: Whether the store knows this very update of this device, under this number: it counts already.
    """

    at: float
    client: str
    offer: Offer
    is_stored: bool = False

    @property
    def header(self) -> Offer:
        """What the device says of the update."""
        return self.offer

    @property
    def digest(self) -> bytes:
        """By what the update is recognised when it is offered again."""
        return bytes.fromhex(self.offer.sha256)

    @property
    def sha256(self) -> str:
        """The same, as answers name it."""
        return self.offer.sha256


@dataclass(frozen=True, slots=True)
class MemberSaid:
    """A member of a cohort sent what the cohort needs of it at one of its stages."""

    at: float
    client: str
    message: KeyShares | Masked | Reveal


@dataclass(frozen=True, slots=True)
class SessionOver:
    """A device spoke in a session although a later one of its sessions has begun.

    Attributes:
        session: The session that is over.
        ready: Number of the announcement that was made in it; 0: it was no announcement.
        newest: The newest session of the device.
    """

    at: float
    client: str
    session: int
    ready: int
    newest: int


@dataclass(frozen=True, slots=True)
class DeviceLeft:
    """A device has left for good, and asks to be forgotten."""

    at: float
    client: str


@dataclass(frozen=True, slots=True)
class DistancesFound:
    """A look-up of language distances has ended. A pair that is missing has no known distance."""

    at: float
    languages: Iterable[LanguageCode]
    distances: Distances


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A deadline may have passed, or the coordinator has just started."""

    at: float


@dataclass(frozen=True, slots=True)
class DeviceMet:
    """A device that nobody knew has said something that this key signed."""

    at: float
    client: str
    key: PublicKey
    language: LanguageCode


@dataclass(frozen=True, slots=True)
class EnrolAsked:
    """Somebody asks to be admitted with the invitation whose id is `token`; `signer` is to become its key."""

    at: float
    token: str
    request: Enrol
    signer: PublicKey


@dataclass(frozen=True, slots=True)
class Invited:
    """The operator has made an invitation; `secret` opens its account at the broker, and is not kept."""

    at: float
    invitation: Invitation
    secret: str
    by: Actor = NOBODY


@dataclass(frozen=True, slots=True)
class PlanApplied:
    """The operator has changed the plan, in a way that devices can follow."""

    at: float
    plan: Plan
    by: Actor = NOBODY


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The operator goes back to earlier prompts.

    Attributes:
        prompts: Language -> version that it goes back to, and the prompt of that version, flat, [values] float32.
    """

    at: float
    prompts: Mapping[LanguageCode, tuple[int, Array]]
    by: Actor = NOBODY


@dataclass(frozen=True, slots=True)
class DevicesUnheard:
    """It is time to forget devices of which nothing was heard for so many seconds."""

    at: float
    seconds: float
    by: Actor = NOBODY


@dataclass(frozen=True, slots=True)
class InvitationWithdrawn:
    """The operator takes back the invitation whose id is `token`."""

    at: float
    token: str
    by: Actor = NOBODY


@dataclass(frozen=True, slots=True)
class DeviceRevoked:
    """The operator excludes a device."""

    at: float
    client: str
    by: Actor = NOBODY


@dataclass(frozen=True, slots=True)
class DeviceRenamed:
    """The operator gives a device another name."""

    at: float
    client: str
    name: str
    by: Actor = NOBODY


Event = (
    ClientSaid
    | UpdateArrived
    | OfferMade
    | MemberSaid
    | SessionOver
    | DeviceLeft
    | DistancesFound
    | TimePassed
    | DeviceMet
    | EnrolAsked
    | Invited
    | InvitationWithdrawn
    | DeviceRevoked
    | DeviceRenamed
    | PlanApplied
    | RolledBack
    | DevicesUnheard
)
