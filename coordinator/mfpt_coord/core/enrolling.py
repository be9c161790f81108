"""What becomes of invitations, requests to be admitted, and orders to revoke: pure steps of the coordinator's core."""

from dataclasses import replace

from mfpt_coord.core.admission import (
    MAX_DEVICES,
    Enrolment,
    Invitation,
    RefusalReason,
    bound_language,
    refusal,
)
from mfpt_coord.core.audit import Deed
from mfpt_coord.core.effects import (
    Allow,
    AnswerEnrolment,
    Durable,
    Effect,
    Log,
    SaveClient,
    SaveDeed,
    SaveEnrolment,
    SaveInvitation,
    Step,
    Withdraw,
)
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import (
    DeviceMet,
    DeviceRenamed,
    DeviceRevoked,
    EnrolAsked,
    InvitationWithdrawn,
    Invited,
)
from mfpt_coord.core.speakers import Shares
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import REVOKED, speaks, stop
from mfpt_shared.keys import digest
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Admitted, Enrol, Refused


def invite(state: State, event: Invited) -> Step:
    """Keep a new invitation and open its account at the broker."""
    invitation = event.invitation
    after = replace(state, invitations={**state.invitations, invitation.id: invitation})
    noted = SaveDeed(Deed(event.at, event.by, "invite", invitation.id, _terms(invitation)))
    return after, [SaveInvitation(invitation), noted, Allow(invitation, event.secret)]


def _terms(invitation: Invitation) -> str:
    uses = "1 use" if invitation.uses == 1 else f"{invitation.uses} uses"
    return ", ".join([invitation.role, *([invitation.language] if invitation.language else []), uses])


def withdraw(state: State, event: InvitationWithdrawn) -> Step:
    """Let nobody else in with an invitation. Who came by it stays."""
    invitation = state.invitations.get(event.token)
    if invitation is None or invitation.uses == 0:
        return state, []
    after, used_up = _used_up(state, invitation)
    noted = SaveDeed(Deed(event.at, event.by, "withdraw", used_up.id))
    return after, [SaveInvitation(used_up), noted, Log(f"invitation {used_up.id} is withdrawn")]


def _used_up(state: State, invitation: Invitation) -> tuple[State, Invitation]:
    used_up = replace(invitation, uses=0)
    return replace(state, invitations={**state.invitations, used_up.id: used_up}), used_up


def take_request(state: State, event: EnrolAsked) -> Step:
    """Answer a device that asks to be admitted. Asking again, because the answer was lost, uses nothing up."""
    request, invitation = event.request, state.invitations.get(event.token)
    known = state.enrolments.get(request.user)
    if known is not None and known.key == event.signer and known.token == event.token and known.revoked is None:
        return _enrolled(state, _with_account(known, request), event, [])
    if problem := refusal(invitation, request, event.signer, state.enrolments, event.at):
        return _refused(state, event, *problem)
    assert invitation is not None
    language = bound_language(invitation, request)
    if invitation.role == "device" and (detail := _language_problem(state, invitation, request, language)):
        return _refused(state, event, "language", detail)
    enrolment = Enrolment(
        request.user,
        event.signer,
        invitation.role,
        language,
        invitation.max_examples,
        request.name,
        invitation.id,
        at=event.at,
    )
    used = replace(invitation, uses=invitation.uses - 1)
    after = replace(state, invitations={**state.invitations, used.id: used})
    return _enrolled(after, _with_account(enrolment, request), event, [SaveInvitation(used)])


def _language_problem(state: State, invitation: Invitation, request: Enrol, language: LanguageCode | None) -> str:
    """Return why a device cannot be admitted with its language, in words; empty if it can."""
    if language is None:
        return "this invitation names no language; name yours"
    if request.language not in (None, language):
        return f"this invitation is for {language}, not for {request.language}"
    if not speaks(state, language):
        return f"{language} is not a language of this federation"
    return ""


def _with_account(enrolment: Enrolment, request: Enrol) -> Enrolment:
    return replace(enrolment, password=digest(request.password), login=digest(request.client))


def _enrolled(state: State, enrolment: Enrolment, event: EnrolAsked, before: list[Durable]) -> Step:
    after = replace(state, enrolments=Entries.of(state.enrolments).plus(enrolment.client, enrolment))
    if enrolment.role != "device":
        after = _silenced(after, enrolment.client)
    answer = Admitted(
        nonce=event.request.nonce,
        role=enrolment.role,
        language=enrolment.language,
        max_examples=enrolment.max_examples,
    )
    effects: list[Effect] = [*before, SaveEnrolment(enrolment)]
    effects += [Allow(enrolment, event.request.password), AnswerEnrolment(event.token, answer)]
    return after, [
        *effects,
        Log(f"{enrolment.role} {enrolment.client} is admitted, with invitation {event.token}", client=enrolment.client),
    ]


def _refused(state: State, event: EnrolAsked, reason: RefusalReason, detail: str) -> Step:
    answer = Refused(nonce=event.request.nonce, reason=reason, detail=detail)
    # Anybody can invent tokens, and fill the log with them.
    noted = Log(f"a device was not admitted: {detail}", is_detail=event.token not in state.invitations)
    return state, [AnswerEnrolment(event.token, answer), noted]


def meet(state: State, event: DeviceMet) -> Step:
    """Bind the id of a device to its key, at its first message in an open federation."""
    if not state.open or event.client in state.enrolments or len(state.enrolments) >= MAX_DEVICES:
        return state, []
    met = Enrolment(event.client, event.key, language=event.language, at=event.at)
    return replace(state, enrolments=Entries.of(state.enrolments).plus(event.client, met)), [SaveEnrolment(met)]


def revoke(state: State, event: DeviceRevoked) -> Step:
    """Exclude a device at once. Its updates in the buffer stay; what it says about itself no longer counts.

    Whoever has the device knows its invitation, which therefore admits nobody any more, under no other key either.
    """
    enrolment = state.enrolments.get(event.client)
    if enrolment is None:
        return state, []
    revoked = replace(enrolment, revoked=event.at)
    after = replace(_silenced(state, event.client), enrolments=Entries.of(state.enrolments).plus(event.client, revoked))
    deed = Deed(event.at, event.by, "revoke", event.client, enrolment.name)
    effects: list[Effect] = [SaveEnrolment(revoked), SaveDeed(deed)]
    if (invitation := state.invitations.get(enrolment.token)) is not None and invitation.uses > 0:
        after, used_up = _used_up(after, invitation)
        effects += [SaveInvitation(used_up), Log(f"invitation {used_up.id}, by which it came, admits nobody any more")]
    if client := state.clients.get(event.client):
        gone = replace(client, state="offline", ready=False, assignment=None, examples=0, accuracy=None, grants=())
        after = replace(after, clients=after.clients.plus(gone))
        effects += [SaveClient(gone), stop(state, client.id, client, "revoked", REVOKED)]
    return after, [*effects, Withdraw(revoked), Log(f"device {event.client} is revoked", client=event.client)]


def _silenced(state: State, client: str) -> State:
    """Return a state in which nothing counts of what a device has said of how much of its own it keeps."""
    shares = Shares.of(state.relations.shares).without({client})
    return replace(state, relations=replace(state.relations, shares=shares))


def rename(state: State, event: DeviceRenamed) -> Step:
    """Give a device another name for people."""
    enrolment = state.enrolments.get(event.client)
    if enrolment is None:
        return state, []
    renamed = replace(enrolment, name=event.name)
    after = replace(state, enrolments=Entries.of(state.enrolments).plus(event.client, renamed))
    deed = Deed(event.at, event.by, "rename", event.client, f"{enrolment.name!r} is now {event.name!r}")
    return after, [SaveEnrolment(renamed), SaveDeed(deed)]
