"""Who is let in, decided without input or output: accounts, an open federation's rules, and failed logins."""

import hmac
import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mfpt_coord.access.accounts import COORDINATOR_USER, Account
from mfpt_coord.access.rights import Rights, rights
from mfpt_shared.keys import digest
from mfpt_shared.transport.address import DEFAULT_USER

_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_FAILURES: Final = 10
FAILURE_SECONDS: Final = 60.0
DELAY_SECONDS: Final = 1.0
_MOST_HOSTS: Final = 10_000
_MOST_BINDINGS: Final = 100_000
CLIENT_TAKEN: Final = "the client id belongs to somebody else"

Problem = str
"""Why somebody is not let in."""


def is_nameless(user: str) -> bool:
    """Tell whether a user name is nobody's: an open federation lets any number look on under it."""
    return user in ("", DEFAULT_USER)


@dataclass(frozen=True, slots=True)
class OpenHouse:
    """What an open federation asks of those without an account.

    Attributes:
        password: SHA-256 of the common password; None: there is none.
    """

    password: bytes | None = None


@dataclass(slots=True)
class Failures:
    """Logins that failed lately.

    Attributes:
        total: Number since the start, by reason.
    """

    total: Counter[str] = field(default_factory=Counter)
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    def note(self, host: str, reason: str, now: float) -> float:
        """Count a failed login, and return how long to wait before the answer, seconds."""
        self.total[reason] += 1
        if host not in self._recent and len(self._recent) >= _MOST_HOSTS:
            self._recent.pop(next(iter(self._recent)))
        times = self._recent.setdefault(host, deque(maxlen=MOST_FAILURES))
        busy = len(times) == MOST_FAILURES and now - times[0] < FAILURE_SECONDS
        times.append(now)
        return DELAY_SECONDS if busy else 0.0


class Desk:
    """Decides about logins. The cost of a decision does not depend on the number of accounts."""

    def __init__(
        self,
        federation: str,
        accounts: Iterable[Account] = (),
        open_house: OpenHouse | None = None,
        coordinator: str | None = None,
        withdrawn: Iterable[str] = (),
    ) -> None:
        """Open the desk.

        Args:
            federation: Name of the federation.
            accounts: Accounts that exist.
            open_house: What to ask of those without an account; None: they are not let in.
            coordinator: MQTT client id of the coordinator, which nobody else gets; None: it is as good as unknown.
            withdrawn: Users that are refused, whoever else is let in.
        """
        self._federation = federation
        self._accounts: dict[str, Account] = {}
        self._open = open_house
        self._withdrawn = set(withdrawn)
        self._bound: dict[str, bytes] = {}
        # Owners of MQTT client ids: a broker ends the connection of whoever has an id that somebody else comes with.
        self._owners: dict[bytes, str] = {digest(coordinator): COORDINATOR_USER} if coordinator is not None else {}
        for account in accounts:
            self.allow(account)

    def allow(self, account: Account) -> None:
        """Let somebody in from now on."""
        self._forget(account.user)
        self._accounts[account.user] = account
        self._withdrawn.discard(account.user)
        if account.client is not None:
            self._owners.setdefault(account.client, account.user)

    def withdraw(self, user: str) -> None:
        """Refuse a user from now on."""
        self._forget(user)
        self._withdrawn.add(user)

    def _forget(self, user: str) -> None:
        account = self._accounts.pop(user, None)
        client = self._bound.pop(user, None) if account is None else account.client
        if client is not None and self._owners.get(client) == user:
            del self._owners[client]

    def decide(self, user: str, password: str, client: str) -> Rights | Problem:
        """Return what somebody may do, or why he is not let in.

        Args:
            user: User name; empty if none was given.
            password: Password; empty if none was given.
            client: MQTT client id.
        """
        account = self._accounts.get(user)
        if self._owners.get(digest(client), user) != user:
            return CLIENT_TAKEN
        if account is not None:
            if not account.admits(password, client):
                return "wrong password or client id"
            return rights(account.role, self._federation, account.key, account.language)
        if user in self._withdrawn:
            return "revoked"
        if self._open is None:
            return "unknown user"
        return self._visitor(self._open, user, password, client)

    def _visitor(self, house: OpenHouse, user: str, password: str, client: str) -> Rights | Problem:
        if house.password is not None and not hmac.compare_digest(digest(password), house.password):
            return "wrong password"
        if is_nameless(user):
            return rights("monitor", self._federation, "")
        if not _DEVICE_ID.fullmatch(user):
            return "not the id of a device"
        # An id belongs to the first client id that comes with it, until the coordinator ends.
        if user not in self._bound and len(self._bound) >= _MOST_BINDINGS:
            return "too many devices"
        if self._bound.setdefault(user, digest(client)) != digest(client):
            return "the id belongs to another device"
        self._owners.setdefault(digest(client), user)
        return rights("device", self._federation, user)
