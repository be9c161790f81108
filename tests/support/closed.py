"""A closed federation in one event loop, with the broker of `mfpt-coord serve`, which asks who may do what."""

import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mfpt_coord.access.desk import Desk
from mfpt_coord.core.admission import Invitation
from mfpt_coord.core.events import DeviceRevoked, Invited
from mfpt_coord.server.coordinator import Coordinator
from mfpt_shared.base64url import encoded
from mfpt_shared.invitation import SECRET_BYTES, TOKEN_BYTES, InvitationLine
from mfpt_shared.keys import SigningKey, digest
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.transport.address import BrokerAddress
from support.brokers import embedded
from support.federation import coordinating, tiny_plan


@dataclass(frozen=True)
class Closed:
    """A closed federation that runs, and what a device needs to come in."""

    folder: Path
    coordinator: Coordinator
    broker: BrokerAddress
    key: SigningKey

    def line(self) -> InvitationLine:
        """Return the line of an invitation that nobody has made yet."""
        token, secret = (encoded(secrets.token_bytes(count)) for count in (TOKEN_BYTES, SECRET_BYTES))
        return InvitationLine((self.broker,), self.coordinator.state.plan.federation, token, secret, self.key.public)

    async def invite(
        self,
        *,
        role: Literal["device", "reader", "monitor"] = "device",
        language: str | None = None,
        uses: int = 1,
        expires: float | None = None,
    ) -> InvitationLine:
        """Make an invitation."""
        line, now = self.line(), time.time()
        spoken = None if language is None else LanguageCode(language)
        token = Invitation(line.token, digest(line.secret), role, spoken, None, uses, expires, now)
        await self.coordinator.apply(Invited(now, token, line.secret))
        return line

    async def revoke(self, device: str) -> None:
        """Exclude a device."""
        await self.coordinator.apply(DeviceRevoked(time.time(), device))


@contextlib.asynccontextmanager
async def closed(folder: Path, plan: Plan | None = None) -> AsyncIterator[Closed]:
    """Run a closed federation until the context ends."""
    key, plan = SigningKey.generate(), plan or tiny_plan()
    (folder / "coordinator.key").write_bytes(key.to_pem())
    async with (
        embedded(folder / "broker", desk=Desk(plan.federation)) as broker,
        coordinating(folder, plan, broker.address, credentials=broker.accounts) as (coordinator, _),
    ):
        yield Closed(folder, coordinator, broker.public_address, key)
