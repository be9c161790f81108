"""What operators have done: who did what to whom, and when, for those who look into it later."""

from dataclasses import dataclass
from typing import Final, Literal

ActionName = Literal["start", "invite", "withdraw", "revoke", "rename", "plan", "rollback", "restore", "forget"]

_MOST_CHARACTERS: Final = 2000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who gave an order.

    Attributes:
        user: Name of the user at the other end of the control socket, or of the process; empty where nobody can tell.
        uid: Number of that user; None where nobody can tell.
    """

    user: str = ""
    uid: int | None = None


NOBODY: Final = Actor()


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that an operator did.

    Attributes:
        at: When, Unix seconds.
        by: Who.
        action: What.
        subject: To what: an invitation, a device, a language, the digest of a plan; empty where it is the federation.
        detail: In words, what else there is to say of it.
    """

    at: float
    by: Actor
    action: ActionName
    subject: str = ""
    detail: str = ""


def shortened(detail: str) -> str:
    """Return words that are not too long for a line of the audit table."""
    return detail if len(detail) <= _MOST_CHARACTERS else detail[: _MOST_CHARACTERS - 1] + "…"
