"""How an invited device is admitted, and how any device goes for good; docs/protocol.md explains every field."""

from typing import Literal

from mfpt_shared.protocol.base import Examples, FromCoordinator, FromDevice, Identifier, Message, Tag, Text

Role = Literal["device", "reader", "monitor"]
"""device: trains; reader: fetches plan and prompts; monitor: also sees the coordinator's status."""


class Enrol(Message, frozen=True, kw_only=True, tag="enrol"):
    """`enrol/<token id>/up`: an invited device asks to be admitted. The key that seals this message becomes its own.

    Attributes:
        nonce: Random text that the answer repeats.
        language: Language of the device's examples; None for a role that has none.
        user: Name that the device proposes for itself, its id in topics; random.
        password: Password of its account at the broker, which it has drawn.
        client: MQTT client id of its connections, which it has drawn; a secret like the password.
        proof: HMAC-SHA-256 (RFC 2104) of the signer's key under the SHA-256 of the invitation's secret, base64url: at a
            broker whose users share a password, the id of a token alone admits nobody.
        name: Name by which people know the device.
    """

    nonce: Identifier
    user: Identifier
    password: Identifier
    client: Identifier
    proof: Identifier
    language: Tag | None = None
    name: Text = ""


class Admitted(FromCoordinator, frozen=True, kw_only=True, tag="admitted"):
    """`enrol/<token id>/down`: the device is admitted.

    Attributes:
        nonce: As in the request.
        role: What the device may do.
        language: Language to which it is bound.
        max_examples: Largest number of training examples that counts; None: the plan's.
        account: Whether the broker knows the account that the device proposed, or all share one.
    """

    nonce: Identifier
    role: Role
    language: Tag | None = None
    max_examples: Examples | None = None
    account: Literal["own", "common"] = "own"


class Refused(FromCoordinator, frozen=True, kw_only=True, tag="refused"):
    """`enrol/<token id>/down`: the device is not admitted, and why."""

    nonce: Identifier
    reason: Literal["expired", "used", "revoked", "language", "taken", "full"]
    detail: Text


EnrolAnswer = Admitted | Refused


class Leaving(FromDevice, frozen=True, kw_only=True, tag="leaving"):
    """`client/<id>/up`: the device leaves for good.

    Attributes:
        forget: Whether the coordinator is to forget the device, all but what is in a version.
    """

    forget: bool = True
