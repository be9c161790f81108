"""Who may take part: invitations, the devices that were admitted with them, and what each is bound to.

A closed federation admits devices by invitation alone. An open one admits every device with its first message, under
the key that signed it. Either way an id belongs to one key from then on.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mfpt_shared.invitation import INVITED, proof
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.protocol.messages import Enrol, Role

MAX_DEVICES: Final = 100_000
MAX_LANGUAGES: Final = 200
# Names that a device cannot have, because broker accounts of other kinds have them.
_RESERVED: Final = ("mfpt", "coordinator", "coord", "auth", "sys")

RefusalReason = Literal["expired", "used", "revoked", "language", "taken", "full"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A token with which devices may be admitted.

    Attributes:
        id: Name of the token, part of its topics.
        secret: SHA-256 of the secret that opens the invitation's account at the broker.
        language: Language to which devices are bound; None: the one that each names.
        max_examples: Largest number of training examples that counts for one device; None: the plan's.
        uses: Number of devices that it still admits.
        expires: Time after which it admits nobody, Unix seconds by the coordinator's clock; None: never.
    """

    id: str
    secret: bytes
    role: Role
    language: LanguageCode | None
    max_examples: int | None
    uses: int
    expires: float | None
    created: float

    @property
    def user(self) -> str:
        """Name of its account at the broker."""
        return INVITED + self.id


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device, reader or monitor that was admitted, and what it is bound to.

    Attributes:
        client: Its id in topics, and the name of its account at the broker.
        key: Key that signs its messages.
        token: Invitation with which it was admitted; empty in an open federation.
        password: SHA-256 of its account's password; empty where it has no account of its own.
        login: SHA-256 of its MQTT client id; empty where it has no account of its own.
        revoked: When it was excluded, Unix seconds; None: it was not.
    """

    client: str
    key: PublicKey
    role: Role = "device"
    language: LanguageCode | None = None
    max_examples: int | None = None
    name: str = ""
    token: str = ""
    password: bytes = b""
    login: bytes = b""
    at: float = 0.0
    revoked: float | None = None

    @property
    def is_invited(self) -> bool:
        """Whether it was admitted with an invitation, and not only met while the federation was open."""
        return bool(self.token)

    def bounded(self, examples: int) -> int:
        """Return how many of the examples that the device claims count."""
        return examples if self.max_examples is None else min(examples, self.max_examples)


def language_is_welcome(
    language: LanguageCode,
    known: frozenset[LanguageCode],
    invitations: Mapping[str, Invitation],
    plan: Aggregation,
) -> bool:
    """Tell whether devices may bring a language: the plan or an invitation names it, or the plan leaves it open.

    Args:
        language: Language that a device speaks.
        known: Languages that have prompts, or are about to get one.
        invitations: All invitations.
        plan: The plan's rules.
    """
    if language in known:
        return True
    if len(known) >= MAX_LANGUAGES:
        return False
    named = {*plan.languages, *plan.zero_shot}
    if not plan.languages or language in named:
        return True
    return any(invitation.language == language for invitation in invitations.values())


def bound_language(invitation: Invitation, request: Enrol) -> LanguageCode | None:
    """Return the language to which a device is bound; None for a role that has none, or where it names none."""
    if invitation.role != "device":
        return None
    return invitation.language or (LanguageCode(request.language) if request.language else None)


def refusal(
    invitation: Invitation | None, request: Enrol, key: PublicKey, enrolments: Mapping[str, Enrolment], at: float
) -> tuple[RefusalReason, str] | None:
    """Return why a request is refused, as a reason and in words; None if nothing but the language may be against it.

    Args:
        invitation: Invitation that the request names; None if there is no such one.
        request: What the device asks for.
        key: Key that signed the request.
        enrolments: Everybody who was admitted so far.
        at: Time, Unix seconds.
    """
    if invitation is None or not hmac.compare_digest(request.proof, proof(invitation.secret, key)):
        return "revoked", "this invitation is not known here; ask for a new one"
    return _id_problem(request.user, key, enrolments) or _token_problem(invitation, enrolments, at)


def _id_problem(client: str, key: PublicKey, enrolments: Mapping[str, Enrolment]) -> tuple[RefusalReason, str] | None:
    owner = enrolments.get(client)
    if owner is not None and owner.key == key and owner.revoked is not None:
        return "revoked", "this device is no longer admitted"
    if owner is not None and owner.key == key and not owner.is_invited:
        return None  # it took part while the federation was open
    if owner is not None or client in _RESERVED or client.startswith(INVITED):
        return "taken", f"the id {client} belongs to somebody else"
    return None


def _token_problem(
    invitation: Invitation, enrolments: Mapping[str, Enrolment], at: float
) -> tuple[RefusalReason, str] | None:
    if invitation.expires is not None and at >= invitation.expires:
        return "expired", "this invitation has expired; ask for a new one"
    if invitation.uses < 1:
        return "used", "this invitation is used up; ask for a new one"
    if len(enrolments) < MAX_DEVICES:
        return None
    # Devices that came while the federation was open take nobody's place.
    admitted = sum(one.is_invited and one.revoked is None for one in enrolments.values())
    if admitted >= MAX_DEVICES:
        return "full", f"the federation is full: it has {MAX_DEVICES:,} devices"
    return None
