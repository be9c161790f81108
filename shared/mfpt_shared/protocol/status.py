"""How a federation stands: for `mfpt-coord status`, for devices that wait or look at their language, and its beat.

docs/protocol.md explains every field.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from mfpt_shared.protocol.base import Examples, FromCoordinator, Number, Padding, Share, Tag

MOST_NAMED: Final = 8
"""Languages that `Progress` names of each kind."""
MOST_HELPING: Final = 16
"""Languages that `LanguageRelations` names."""


class UpdateCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of updates, by the answer to them."""

    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    stale: int = 0


class LanguageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One language: its devices, their examples, and its newest accuracy on held-out examples.

    Attributes:
        accuracy: Mean over the devices, weighted by their examples.
        contributed: Number of training examples behind all its updates.
        own_share: How much of their own its devices keep beside the federation's prompt, the median; None where no
            device has said it.
    """

    clients: int
    examples: int
    accuracy: float | None
    contributed: int
    own_share: float | None = None


class ClientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One device, as the coordinator last saw it.

    Attributes:
        epsilon: What it has spent of its privacy budget; None where it has not said it, or the plan has no noise.
    """

    id: str
    language: str
    state: Literal["online", "offline"]
    phase: str
    progress: float
    last_seen: float
    examples: int
    accuracy: float | None
    device: str
    epsilon: float | None = None


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an operator should see to.

    Attributes:
        kind: worse: a language is less accurate than its best version was; failing: a device is assigned again and
            again, and no update comes of it; logins: the broker refuses many logins; budget: a device has spent nearly
            all of its privacy budget.
        subject: The language or the device; empty where there is none.
        value: The accuracy now; the number of versions that were assigned in vain, or of logins in the last hour; the
            epsilon.
        limit: What that is compared with: the best version's accuracy, the number or the budget that is the limit.
    """

    kind: Literal["worse", "failing", "logins", "budget"]
    subject: str = ""
    value: float
    limit: float


class FederationStatus(FromCoordinator, frozen=True, kw_only=True):
    """`coord/status`: what `mfpt-coord status` shows.

    Attributes:
        staleness: Number of accepted updates, by staleness.
        buffer: Number of updates that wait for the next fold.
        refused: Number of messages that changed nothing, by reason, since the coordinator started.
        failed_logins: Number of logins that the broker refused, since the coordinator started.
        languages: The languages with the most devices.
        clients: The devices that are online or were heard last.
        alarms: What an operator should see to; at most ten of a kind.
        more_languages: Number of languages that are not listed.
        more_clients: Number of devices that are not listed.
        more_online: How many of the devices that are not listed are online.
    """

    federation: str
    plan: str
    folds: int
    buffer: int
    buffer_size: int
    started: float
    updates: UpdateCounts
    staleness: dict[int, int]
    languages: dict[str, LanguageStatus]
    clients: list[ClientStatus]
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    failed_logins: int = 0
    alarms: list[Alarm] = msgspec.field(default_factory=list)
    more_languages: int = 0
    more_clients: int = 0
    more_online: int = 0


class Progress(FromCoordinator, frozen=True, kw_only=True):
    """`coord/progress`: how far the next version is, for devices that wait for it.

    Attributes:
        updates: Number of updates that wait for the next fold.
        needed: Number of updates that fill the buffer.
        training: Number of devices at work.
        places: Number of devices that may be at work at a time.
        at_work: Languages of the devices at work -> how far the one is that has most before it; at most 8, those first
            that have most before them.
        joining: Languages that get their first prompt once their distances to the others are known; at most 8.
    """

    updates: Examples = 0
    needed: Examples = 0
    training: Examples = 0
    places: Examples = 0
    at_work: Annotated[dict[Tag, Share], Meta(max_length=MOST_NAMED)] = msgspec.field(default_factory=dict)
    joining: Annotated[tuple[Tag, ...], Meta(max_length=MOST_NAMED)] = ()


class LanguageRelations(FromCoordinator, frozen=True, kw_only=True):
    """`coord/relations/<lang>`: from whom a language learns, and how it stands at the newest version.

    Attributes:
        language: The language.
        helped_by: Language -> its part in the step that made the newest prompt of this one; at most 16, the largest.
            Under masks, all updates of a sum have equal parts.
        own_share: How much of their own the devices of the language keep beside its prompt, the median; None where
            nobody knows.
        accuracy: Mean accuracy of its prompt on the held-out examples of its devices; None where nobody knows.
    """

    language: Tag
    helped_by: Annotated[dict[Tag, Share], Meta(max_length=MOST_HELPING)] = msgspec.field(default_factory=dict)
    own_share: Share | None = None
    accuracy: Share | None = None


class Beat(FromCoordinator, frozen=True, kw_only=True):
    """`coord/beat`: the coordinator is there, and the broker delivers.

    Attributes:
        number: Number of the beat in the coordinator's run, from 1.
        padding: Makes the beat as long as the longest message of the federation, to see whether the broker passes it.
    """

    number: Number
    padding: Padding = ""
