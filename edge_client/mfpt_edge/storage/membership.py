"""A device's membership of a closed federation: where it is, whose word counts there, and as what it was admitted.

A device's own account at the broker is not kept: its password and its MQTT client id follow from the device's key.
"""

from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.storage.kept_struct import read_kept
from mfpt_shared.atomic import write_durably
from mfpt_shared.base64url import decoded
from mfpt_shared.errors import Damaged, DecodeError, UsageError
from mfpt_shared.keys import KEY_BYTES, PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Role
from mfpt_shared.transport.address import BrokerAddress, parse_broker

MEMBERSHIP_FILE: Final = "membership.json"


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """What an invitation and the coordinator's answer said.

    Attributes:
        addresses: URLs of the broker, tried in this order.
        federation: Name of the federation.
        coordinator: Public key of the coordinator, base64url.
        role: What the device may do.
        language: Language to which it is bound; None for a role that has none.
        max_examples: Largest number of training examples that counts; None: the plan's.
        user: Account at the broker; None: the device's own, whose secrets follow from its key.
        password: Password of `user`.
    """

    addresses: tuple[str, ...]
    federation: str
    coordinator: str
    role: Role
    language: LanguageCode | None = None
    max_examples: int | None = None
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Return a text without the password."""
        return f"Membership(federation={self.federation!r}, role={self.role!r}, coordinator={self.coordinator!r})"

    @property
    def key(self) -> PublicKey:
        """Public key of the coordinator.

        Raises:
            Damaged: It is not a key.
        """
        try:
            key = decoded(self.coordinator)
        except DecodeError as error:
            raise Damaged(f"the coordinator's key in {MEMBERSHIP_FILE} is damaged: {error}") from error
        if len(key) != KEY_BYTES:
            raise Damaged(f"the coordinator's key in {MEMBERSHIP_FILE} has {len(key)} bytes instead of {KEY_BYTES}")
        return PublicKey(key)

    def brokers(self) -> tuple[BrokerAddress, ...]:
        """Return where the broker listens.

        Raises:
            Damaged: There is no address, or it cannot be read.
        """
        try:
            brokers = tuple(parse_broker(url) for url in self.addresses)
        except UsageError as error:
            raise Damaged(f"an address in {MEMBERSHIP_FILE} is damaged: {error}") from error
        if not brokers:
            raise Damaged(f"{MEMBERSHIP_FILE} names no address of the broker")
        return brokers


def read_membership(folder: Path) -> Membership | None:
    """Return the membership in a state folder; None if the device was never invited.

    Raises:
        Damaged: The file is damaged.
    """
    return read_kept(folder / MEMBERSHIP_FILE, Membership, "remove it, and join with a new invitation")


def write_membership(folder: Path, membership: Membership) -> None:
    """Keep a membership; it is on the disk when this returns."""
    write_durably(folder / MEMBERSHIP_FILE, msgspec.json.encode(membership))
