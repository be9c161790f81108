"""Whether a coordinator is there, and how one that starts finds out about another; see docs/protocol.md."""

from typing import Literal

from mfpt_shared.protocol.base import FromCoordinator, Identifier, Seconds, Text


class CoordinatorState(FromCoordinator, frozen=True, kw_only=True):
    """`coord/state`: whether the coordinator is there. The last will says `offline`.

    Attributes:
        finished: Whether the last version exists, and nobody trains any more.
        mfpt: Version of mfpt that it runs; empty from one that does not say it, and in the last will.
    """

    state: Literal["online", "offline"]
    coordinator: Identifier
    started: Seconds
    finished: bool = False
    mfpt: Text = ""


class Challenge(FromCoordinator, frozen=True, kw_only=True):
    """`coord/challenge`: whoever serves this federation is to answer.

    Attributes:
        coordinator: Id of the coordinator that is about to start.
        nonce: Random text, which the answer repeats.
    """

    coordinator: Identifier
    nonce: Identifier


class ChallengeAnswer(FromCoordinator, frozen=True, kw_only=True):
    """`coord/answer`: a coordinator serves this federation.

    Attributes:
        coordinator: Its id.
        nonce: As in the challenge.
    """

    coordinator: Identifier
    nonce: Identifier
