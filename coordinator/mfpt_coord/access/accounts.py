"""Accounts at a broker, and what a broker must do with them, as a protocol with an adapter for each kind of broker."""

import hmac
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from mfpt_shared.invitation import INVITED
from mfpt_shared.keys import digest
from mfpt_shared.languages import LanguageCode

Role = Literal["device", "reader", "monitor", "invitation"]
"""device: trains; reader: fetches plan and prompts; monitor: also the status; invitation: asks to be admitted."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may connect.

    Attributes:
        user: User name: a device's id, or `invite-` and the id of an invitation's token.
        role: What it may do.
        password: SHA-256 of the password, which has 128 random bits and so needs no slow hash.
        client: SHA-256 of the MQTT client id, which nobody else may use and nobody else knows; None: any.
        language: Language that a device is bound to; None: any.
    """

    user: str
    role: Role
    password: bytes
    client: bytes | None = None
    language: LanguageCode | None = None

    @property
    def key(self) -> str:
        """Key of the account's own topics: the device's id, or that of the token."""
        return self.user.removeprefix(INVITED) if self.role == "invitation" else self.user

    def admits(self, password: str, client: str) -> bool:
        """Tell whether somebody with this password and MQTT client id is the owner; takes as long whatever is wrong."""
        right_password = hmac.compare_digest(self.password, digest(password))
        right_client = self.client is None or hmac.compare_digest(self.client, digest(client))
        return right_password and right_client


COORDINATOR_USER: Final = "coord"
"""User name of the coordinator itself."""


class Credentials(Protocol):
    """A broker's accounts. Both calls cost the same, however many accounts there are."""

    @property
    def failed_logins(self) -> int:
        """Number of logins that failed since the start; 0 where the broker alone knows."""

    def allow(self, account: Account, password: str) -> None:
        """Let somebody connect from now on.

        Args:
            account: The account.
            password: Its password, for brokers that want a hash of their own.
        """

    def withdraw(self, user: str) -> None:
        """Refuse a user from now on, and end the connections that it has."""
