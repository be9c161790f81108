"""Whether what a device says counts: it was admitted, was not revoked, and speaks a language that it may bring."""

from collections.abc import Mapping
from typing import Final, Literal

from mfpt_coord.core.admission import language_is_welcome
from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import Effect, Send
from mfpt_coord.core.events import SessionOver
from mfpt_coord.core.relations import COHORT, OwnShare, Speaker
from mfpt_coord.core.state import State
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import ClientState, EvaluationReport, Ready, Stop

REVOKED: Final = "the operator has revoked this device; ask for a new invitation"
OVER: Final = (
    "a later run of this device is known: a copy of its state folder is in use elsewhere, or was; stop the other one, "
    "then start this one again"
)


def takes_part(state: State, client: str) -> bool:
    """Tell whether a device is admitted: it was invited as one and not revoked, or the federation is open."""
    enrolment = state.enrolments.get(client)
    if enrolment is None:
        return state.open
    return enrolment.role == "device" and enrolment.revoked is None and (state.open or enrolment.is_invited)


def counted_shares(state: State, shares: Mapping[Speaker, OwnShare]) -> dict[Speaker, OwnShare]:
    """Return those of some own shares that count: of devices that take part, and of cohorts."""
    return {of: share for of, share in shares.items() if of[1] == COHORT or takes_part(state, of[1])}


def turned_away(state: State, client: str, message: ClientState | Ready | EvaluationReport) -> list[Effect]:
    """Return what a device is told that cannot take part: nothing, unless it is known and wants to train."""
    if not isinstance(message, Ready):
        return []
    enrolment = state.enrolments.get(client)
    if enrolment is not None and enrolment.revoked is not None:
        return [stop(state, client, message, "revoked", REVOKED)]
    if takes_part(state, client):
        problem = language_problem(state, client, LanguageCode(message.language))
        return [stop(state, client, message, "incompatible", problem)]
    return []


def over(state: State, event: SessionOver) -> list[Effect]:
    """Return what a run of a device is told that a later one has replaced: there is one at a time."""
    if not takes_part(state, event.client):
        return []
    ended = Stop(
        reason="incompatible",
        version=state.version,
        detail=OVER,
        session=event.session,
        ready=event.ready,
        newest=event.newest,
    )
    return [Send(event.client, ended)]


def speaks(state: State, language: LanguageCode) -> bool:
    """Tell whether a device may bring a language."""
    if language in state.prompts or language in state.joining:
        return True
    known = state.joining.union(state.prompts)
    return language_is_welcome(language, known, state.invitations, state.plan.aggregation)


def language_problem(state: State, client: str, language: LanguageCode) -> str:
    """Return why a device cannot take part with this language, in words; empty if it can."""
    enrolment = state.enrolments.get(client)
    if enrolment is not None and enrolment.language not in (None, language):
        return f"this device is enrolled for {enrolment.language}, not for {language}"
    return "" if speaks(state, language) else f"{language} is not a language of this federation"


def counted_examples(state: State, client: str, claimed: int) -> int:
    """Return how many of the examples that a device claims count."""
    enrolment = state.enrolments.get(client)
    counted = min(claimed, state.plan.aggregation.max_examples)
    return counted if enrolment is None else enrolment.bounded(counted)


def stop(
    state: State,
    client: str,
    question: Ready | Client,
    reason: Literal["finished", "incompatible", "revoked"],
    detail: str = "",
) -> Send:
    """Return the end of all assignments, in answer to an announcement of the device: this one, or its last one."""
    number = question.number if isinstance(question, Ready) else question.announced
    return Send(
        client,
        Stop(reason=reason, version=state.version, detail=detail, session=question.session, ready=number),
    )
