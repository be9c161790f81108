"""What an operator may ask of a running coordinator, and its answers, as JSON."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from mfpt_shared.control_socket import Failed
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.base import Version
from mfpt_shared.protocol.messages import Examples, FederationStatus, Identifier, Role, Tag, Text

LINK_SECONDS: Final = 3600.0
"""How long a link to the operator's page lets somebody in."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what may be asked."""


class Invite(Order, frozen=True, kw_only=True, tag="invite"):
    """Make an invitation.

    Attributes:
        language: Language to which devices are bound; None: the one that each names.
        role: What they may do.
        uses: How many are admitted.
        seconds: After how long it expires; None: never.
        max_examples: Largest number of training examples that counts for one device; None: the plan's.
        host: Host name or address at which devices reach the broker; None: as the coordinator knows it.
    """

    language: Tag | None = None
    role: Role = "device"
    uses: Annotated[int, Meta(ge=1, le=10_000)] = 1
    seconds: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    max_examples: Examples | None = None
    host: Annotated[str, Meta(min_length=1, max_length=253)] | None = None


class ApplyPlan(Order, frozen=True, kw_only=True, tag="apply"):
    """Change the plan while the federation runs.

    Attributes:
        plan: The new plan, all of it.
        only_say: Whether to say what would change, and change nothing.
    """

    plan: Plan
    only_say: bool = False


class Rollback(Order, frozen=True, kw_only=True, tag="rollback"):
    """Make earlier prompts the newest ones again, as a new version.

    Attributes:
        language: Language that goes back; None: all that can.
        to: Version to go back to; None: the best one of each language.
    """

    language: Tag | None = None
    to: Version | None = None


class ListInvitations(Order, frozen=True, kw_only=True, tag="invitations"):
    """List all invitations."""


class WithdrawInvitation(Order, frozen=True, kw_only=True, tag="withdraw"):
    """Let nobody else in with an invitation."""

    token: Identifier


class ListDevices(Order, frozen=True, kw_only=True, tag="devices"):
    """List everybody who was admitted."""


class Revoke(Order, frozen=True, kw_only=True, tag="revoke"):
    """Exclude a device."""

    device: Identifier


class Rename(Order, frozen=True, kw_only=True, tag="rename"):
    """Give a device another name for people."""

    device: Identifier
    name: Text


class ShowStatus(Order, frozen=True, kw_only=True, tag="status"):
    """Say what `coord/status` says."""


class MakeLink(Order, frozen=True, kw_only=True, tag="link"):
    """Make a link to the operator's page."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is answered."""


class Invitation(Report, frozen=True, kw_only=True, tag="invitation"):
    """An invitation was made; `line` holds its secret. `expires` is in Unix seconds."""

    line: str
    role: Role
    uses: int
    language: Tag | None = None
    expires: float | None = None


class InvitationEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation without its secret, which nobody keeps: `uses` are left of it, times are Unix seconds."""

    id: str
    role: Role
    language: str | None
    max_examples: int | None
    uses: int
    admitted: int
    created: float
    expires: float | None


class Invitations(Report, frozen=True, kw_only=True, tag="invitations"):
    """All invitations, in the order in which they were made."""

    invitations: list[InvitationEntry]


class DeviceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was admitted; times are Unix seconds, and `fingerprint` is that of the key."""

    id: str
    name: str
    role: Role
    language: str | None
    max_examples: int | None
    fingerprint: str
    token: str
    at: float
    online: bool
    last_seen: float | None
    revoked: float | None


class Devices(Report, frozen=True, kw_only=True, tag="devices"):
    """Everybody who was admitted, first come first."""

    devices: list[DeviceEntry]


class Status(Report, frozen=True, kw_only=True, tag="status"):
    """What `coord/status` says."""

    status: FederationStatus


class PlanChange(Report, frozen=True, kw_only=True, tag="change"):
    """A plan was applied, or could be.

    Attributes:
        before: Digest of the plan before.
        after: Digest of the plan after it; the same if devices do nothing else under it.
        changes: Keys that differ, with both values, in words.
        devices: Number of devices that were online, and follow or have to be brought up to date.
    """

    before: str
    after: str
    changes: list[str]
    devices: int


class WentBack(Report, frozen=True, kw_only=True, tag="back"):
    """Earlier prompts are the newest ones again: the new version, and language -> version that it went back to."""

    version: int
    languages: dict[str, int]


class PageLink(Report, frozen=True, kw_only=True, tag="link"):
    """A link to the operator's page, which lets one browser in, within so many seconds."""

    link: str
    seconds: float


class Done(Report, frozen=True, kw_only=True, tag="done"):
    """It has happened."""


Question = ListInvitations | ListDevices | ShowStatus
"""What changes nothing."""
AnyOrder = MakeLink | ApplyPlan | Rollback | Invite | WithdrawInvitation | Revoke | Rename | Question
AnyReport = Invitation | Invitations | Devices | Status | PlanChange | WentBack | PageLink | Done | Failed
