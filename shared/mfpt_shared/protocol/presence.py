"""How a coordinator that starts finds out whether another one serves the federation; see docs/protocol.md."""

from mfpt_shared.protocol.base import FromCoordinator, Identifier


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
