"""Answers to updates, and to offers of them, that are not taken: why they are not, and what their devices are told."""

from dataclasses import replace
from typing import Final, Literal

import msgspec

from mfpt_coord.core.client import Client
from mfpt_coord.core.compatibility import incompatibility
from mfpt_coord.core.effects import Log, SaveCounts, Send, Step
from mfpt_coord.core.events import OfferMade, UpdateArrived
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import language_problem
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Ack, Offer, Reject, Resync, UpdateCounts, UpdateHeader

# A device whose update was rejected is not assigned again before this.
REJECTED_SECONDS: Final = 60.0

# A device that makes an update each second for ten days comes as far as this.
MAX_JUMP: Final = 1_000_000

# Weight of the newest duration in the moving average of a device's durations.
NEWEST_SHARE: Final = 0.5

RejectReason = Literal["incompatible", "diverged"]

Brought = UpdateArrived | OfferMade
"""A device brings an update, or offers one."""


def speaker(state: State, event: Brought) -> tuple[Client, Client]:
    """Return what is known of a device that brings an update, and the same with the language that it brings it in."""
    language = LanguageCode(event.header.language)
    known = replace(state.clients.get(event.client) or Client(event.client, language), last_seen=event.at)
    return known, known if known.language == language else replace(known, language=language)


def is_stale(state: State, base_version: int) -> bool:
    """Tell whether an update is from a version too far back, or from one that does not exist."""
    staleness = state.version - base_version
    # A base version that does not exist yet: this coordinator has lost its state, and the device has not. And a whole
    # closed-form head, once there is one already, would be added to it and make one that is too large.
    is_head = base_version == 0 and state.plan.starts_closed
    return not 0 <= staleness <= (0 if is_head else state.plan.aggregation.max_staleness)


def problem(state: State, client: Client, header: UpdateHeader | Offer) -> str:
    """Return why an update can never be used, in words; empty if it may be."""
    if header.sequence > client.sequence + MAX_JUMP:
        return f"update {header.sequence} cannot follow update {client.sequence}"
    if header.plan not in (state.plan.digest, *state.former):
        return f"it was made under plan {header.plan}, and this federation follows plan {state.plan.digest} now"
    if isinstance(header, Offer) != state.plan.privacy.is_masked:
        wanted = "under masks alone" if state.plan.privacy.is_masked else "in the open"
        return f"this federation takes updates {wanted}: bring mfpt-edge up to date, and start it again"
    return incompatibility(header, state.plan, state.former) or language_problem(state, client.id, client.language)


def usual_seconds(client: Client, at: float) -> float | None:
    """Return how long a device usually takes, seconds, once an update has come in answer to its assignment."""
    if client.assignment is None:
        return client.seconds
    newest = max(0.0, at - client.assignment.since)
    return newest if client.seconds is None else NEWEST_SHARE * newest + (1 - NEWEST_SHARE) * client.seconds


def rejected(state: State, client: Client, event: Brought, reason: RejectReason, detail: str) -> Step:
    """Return the answer to an update that would be refused again, whenever it came."""
    header, at = event.header, event.at
    # If the device trained again at once, the result would be rejected again; but not after what has waited in its
    # outbox since the federation followed another plan.
    is_left_over = header.plan != state.plan.digest
    client = replace(client, assignment=None, retry_at=client.retry_at if is_left_over else at + REJECTED_SECONDS)
    counts = msgspec.structs.replace(state.counts, rejected=state.counts.rejected + 1)
    answer = Reject(sequence=header.sequence, reason=reason, detail=detail, sha256=event.sha256)
    return _counted(state, client, counts), [SaveCounts(counts), Send(client.id, answer)]


def unassigned(state: State, client: Client, event: Brought) -> Step:
    """Return the answer to an update that answers no assignment."""
    header = event.header
    counts = msgspec.structs.replace(state.counts, rejected=state.counts.rejected + 1)
    detail = f"this device was not assigned version {header.base_version}, or has sent its update for it already"
    sha256 = event.sha256
    answer = Reject(sequence=header.sequence, reason="unassigned", detail=detail, sha256=sha256)
    return _counted(state, client, counts), [SaveCounts(counts), Send(client.id, answer)]


def stale(state: State, client: Client, event: Brought, *, highest: int = 0) -> Step:
    """Return the answer to an update that cannot be taken under its number; a device that gives it up trains again."""
    counts = msgspec.structs.replace(state.counts, stale=state.counts.stale + 1)
    sequence, sha256 = event.header.sequence, event.sha256
    answer = Resync(sequence=sequence, version=state.version, sha256=sha256, highest=highest)
    return _counted(state, replace(client, assignment=None), counts), [SaveCounts(counts), Send(client.id, answer)]


def duplicate(state: State, client: Client, event: Brought) -> Step:
    """Return the answer to an update that counts already."""
    counts = msgspec.structs.replace(state.counts, duplicate=state.counts.duplicate + 1)
    answer = Ack(sequence=event.header.sequence, sha256=event.sha256)
    return _counted(state, client, counts), [SaveCounts(counts), Send(client.id, answer)]


def renumbered(state: State, client: Client, event: Brought) -> Step:
    """Answer another update than the one that has its number: the device was restored from an older copy.

    Under a new number it is taken if the device still has an assignment for it. Whatever was taken before has used its
    assignment up, so that nothing counts twice.
    """
    told = Log(
        f"device {client.id} sends another update {event.header.sequence} than before, and {client.sequence} is "
        "its highest number: an older copy of its state folder is in use, or two copies are",
        is_detail=True,
        client=client.id,
    )
    after, effects = stale(state, client, event, highest=client.sequence)
    return after, [*effects, told]


def _counted(state: State, client: Client, counts: UpdateCounts) -> State:
    return replace(state, clients=state.clients.plus(client), counts=counts)
