"""Carries out what the operator orders: invitations, and the list of devices."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from mfpt_coord.core import admission
from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.audit import NOBODY, Actor
from mfpt_coord.core.events import DeviceRenamed, DeviceRevoked, InvitationWithdrawn, Invited, PlanApplied
from mfpt_coord.server.coordinator import Coordinator
from mfpt_coord.server.invitation_list import invitations
from mfpt_coord.server.orders import (
    LINK_SECONDS,
    AnyOrder,
    AnyReport,
    ApplyPlan,
    DeviceEntry,
    Devices,
    Done,
    Invitation,
    Invitations,
    Invite,
    ListDevices,
    ListInvitations,
    MakeLink,
    PageLink,
    PlanChange,
    Question,
    Rename,
    Revoke,
    Rollback,
    ShowStatus,
    Status,
    WithdrawInvitation,
)
from mfpt_coord.server.rolling_back import roll_back
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import Incompatible, UsageError
from mfpt_shared.invitation import SECRET_BYTES, TOKEN_BYTES, InvitationLine
from mfpt_shared.keys import PublicKey, digest, fingerprint
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.plan_changes import changes, unfollowable
from mfpt_shared.transport.address import BrokerAddress


def new_token(random: Callable[[int], bytes]) -> str:
    """Return the id of a new invitation. A command line would take one that begins with `-` for an option."""
    while (token := encoded(random(TOKEN_BYTES))).startswith("-"):
        pass
    return token


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator's hand in a running coordinator.

    Attributes:
        coordinator: The coordinator.
        key: Its public key, which invitations name.
        addresses: Where devices reach the broker, without users and passwords.
        links: Makes links to the operator's page; None: none is served.
    """

    coordinator: Coordinator
    key: PublicKey
    addresses: tuple[BrokerAddress, ...]
    links: Callable[[], Awaitable[str]] | None = None

    async def obey(self, order: AnyOrder, by: Actor = NOBODY) -> AnyReport:
        """Carry out an order.

        Args:
            order: What is to be done.
            by: Who wants it, for the audit table.

        Raises:
            UsageError: It makes no sense here.
            MfptError: It cannot be saved.
        """
        match order:
            case ApplyPlan(plan=plan, only_say=only_say):
                return await self._apply(plan, by, only_say=only_say)
            case Rollback(language=language, to=to):
                return await roll_back(self.coordinator, language, to, by)
            case Invite():
                return await self._invite(order, by)
            case WithdrawInvitation(token=token):
                if token not in self.coordinator.state.invitations:
                    raise UsageError(f"there is no invitation {token}; mfpt-coord invitations list shows them")
                await self.coordinator.apply(InvitationWithdrawn(self.coordinator.clock(), token, by))
            case ListInvitations() | ListDevices() | ShowStatus():
                return self._answer(order)
            case MakeLink():
                return await self._link()
            case Revoke(device=device):
                self._check(device)
                await self.coordinator.apply(DeviceRevoked(self.coordinator.clock(), device, by))
            case Rename(device=device, name=name):
                self._check(device)
                await self.coordinator.apply(DeviceRenamed(self.coordinator.clock(), device, name, by))
        return Done()

    def _answer(self, question: Question) -> AnyReport:
        match question:
            case ListInvitations():
                return Invitations(invitations=invitations(self.coordinator.state, self.coordinator.ahead))
            case ListDevices():
                return Devices(devices=[self._entry(one) for one in self.coordinator.state.enrolments.values()])
            case ShowStatus():
                return Status(status=self.coordinator.status())

    async def _invite(self, order: Invite, by: Actor) -> Invitation:
        if order.language is not None and order.role != "device":
            raise UsageError(f"a {order.role} has no language; leave --lang away")
        now, secret = self.coordinator.clock(), encoded(os.urandom(SECRET_BYTES))
        made = admission.Invitation(
            new_token(os.urandom),
            digest(secret),
            order.role,
            None if order.language is None else LanguageCode(order.language),
            order.max_examples,
            order.uses,
            None if order.seconds is None else now + order.seconds,
            now,
        )
        line = InvitationLine(
            self._addresses(order.host),
            self.coordinator.state.plan.federation,
            made.id,
            secret,
            self.key,
            made.language,
        )
        await self.coordinator.apply(Invited(now, made, secret, by))
        return Invitation(
            line=str(line), role=made.role, uses=made.uses, language=made.language, expires=self._told(made.expires)
        )

    async def _apply(self, plan: Plan, by: Actor, *, only_say: bool) -> PlanChange:
        old, now = self.coordinator.state.plan, self.coordinator.clock()
        if fixed := unfollowable(old, plan):
            keys = ", ".join(one.key for one in fixed)
            raise Incompatible(
                f"devices cannot follow a change of {keys} while the federation runs: start a new one beside it, with "
                "another name and a --data-dir of its own"
            )
        online = self.coordinator.state.clients.indices.heard_by(now)
        if not only_say:
            await self.coordinator.apply(PlanApplied(now, plan, by))
        return PlanChange(
            before=old.digest, after=plan.digest, changes=[str(one) for one in changes(old, plan)], devices=online
        )

    def _addresses(self, host: str | None) -> tuple[BrokerAddress, ...]:
        if host is None:
            return self.addresses
        return tuple(dict.fromkeys(replace(address, host=host) for address in self.addresses))

    def _told(self, at: float | None) -> float | None:
        """Return a time of the coordinator's clock as people are told it, by the clock on the wall."""
        return None if at is None else at + self.coordinator.ahead

    async def _link(self) -> PageLink:
        if self.links is None:
            raise UsageError("this coordinator serves no page: start it with mfpt-coord serve --web 127.0.0.1:8470")
        return PageLink(link=await self.links(), seconds=LINK_SECONDS)

    def _check(self, device: str) -> None:
        if device not in self.coordinator.state.enrolments:
            raise UsageError(f"no device {device} was admitted; mfpt-coord devices list shows those that were")

    def _entry(self, enrolment: Enrolment) -> DeviceEntry:
        client = self.coordinator.state.clients.get(enrolment.client)
        return DeviceEntry(
            id=enrolment.client,
            name=enrolment.name,
            role=enrolment.role,
            language=enrolment.language,
            max_examples=enrolment.max_examples,
            fingerprint=fingerprint(enrolment.key),
            token=enrolment.token,
            at=enrolment.at + self.coordinator.ahead,
            online=client is not None and client.is_online(self.coordinator.clock()),
            last_seen=None if client is None else self._told(client.last_seen),
            revoked=self._told(enrolment.revoked),
        )
