"""What happens to an update that arrives: it is validated first, then recorded."""

from dataclasses import replace
from typing import Final, Literal

import msgspec
import numpy as np

from mfpt_coord.core.compatibility import incompatibility
from mfpt_coord.core.effects import Log, SaveClient, SaveCounts, SaveUpdate, Send, Step
from mfpt_coord.core.events import UpdateArrived
from mfpt_coord.core.grants import grant_for, without_grant
from mfpt_coord.core.state import Client, Contribution, State
from mfpt_coord.core.taking_part import counted_examples, language_problem
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Ack, Reject, Resync, UpdateCounts, UpdateHeader
from mfpt_shared.tensors import Array, check_layout, dense, flatten

# Virtual tokens and head weights are of the order of 1; only a training that diverged changes them by more than this.
MAX_CHANGE: Final = 1e3
# Weight of the newest duration in the moving average of a device's durations.
NEWEST_SHARE: Final = 0.5
# A device whose update was rejected is not assigned again before this.
REJECTED_SECONDS: Final = 60.0

# A device that makes an update each second for ten days comes as far as this.
MAX_JUMP: Final = 1_000_000

RejectReason = Literal["incompatible", "diverged"]


def take_update(state: State, event: UpdateArrived) -> Step:
    """Return the state with an update in its buffer, or with a rejection counted, and the answer to the device."""
    header = event.update.header
    language = LanguageCode(header.language)
    known = replace(state.clients.get(event.client) or Client(event.client, language), last_seen=event.at)
    client = known if known.language == language else replace(known, language=language)
    if header.sequence <= client.sequence:
        return _duplicate(state, known, event) if _is_known(state, event) else _renumbered(state, known, event)
    if problem := _problem(state, client, header):
        return _rejected(state, known, event, "incompatible", problem)
    try:
        delta = _flat(state, event)
    except Incompatible as error:
        return _rejected(state, client, event, "incompatible", str(error))
    if not np.abs(delta).max() <= MAX_CHANGE:  # true for NaN as well
        return _rejected(
            state, client, event, "diverged", f"a value changed by more than {MAX_CHANGE:g}: the training diverged"
        )
    if _is_stale(state, header):
        return _stale(state, client, event)
    return _usable(state, client, event, delta)


def _usable(state: State, client: Client, event: UpdateArrived, delta: Array) -> Step:
    """Accept an update if the device was assigned it."""
    grant = grant_for(client, event.update.header.base_version)
    if grant is None:
        return _unassigned(state, client, event)
    return _accepted(state, without_grant(client, grant), event, delta)


def _is_stale(state: State, header: UpdateHeader) -> bool:
    staleness = state.version - header.base_version
    # A base version that does not exist yet: this coordinator has lost its state, and the device has not. And a whole
    # closed-form head, once there is one already, would be added to it and make one that is too large.
    is_head = header.base_version == 0 and state.plan.starts_closed
    return not 0 <= staleness <= (0 if is_head else state.plan.aggregation.max_staleness)


def _problem(state: State, client: Client, header: UpdateHeader) -> str:
    """Return why an update can never be used, in words; empty if it may be."""
    if header.sequence > client.sequence + MAX_JUMP:
        return f"update {header.sequence} cannot follow update {client.sequence}"
    if header.plan != state.plan.digest:
        return f"it was made under plan {header.plan}, and this federation follows plan {state.plan.digest} now"
    return incompatibility(header, state.plan) or language_problem(state, client.id, client.language)


def _flat(state: State, event: UpdateArrived) -> Array:
    delta = dense(event.update.delta)
    check_layout(delta, state.layout)
    return flatten(delta, state.layout)


def _accepted(state: State, client: Client, event: UpdateArrived, delta: Array) -> Step:
    claimed = event.update.header
    staleness = state.version - claimed.base_version
    header = msgspec.structs.replace(claimed, examples=counted_examples(state, client.id, claimed.examples))
    digest = event.digest
    contribution = Contribution(client.id, header, client.language, staleness, delta, event.at, digest)
    accepted = replace(
        client,
        sequence=header.sequence,
        contributed=max(client.contributed, header.base_version),
        examples=header.examples,
        accuracy=client.accuracy if header.metrics.accuracy is None else header.metrics.accuracy,
        seconds=_usual_seconds(client, event.at),
        assignment=None,
        phase="idle",
    )
    after = replace(
        state,
        buffer=(*state.buffer, contribution),
        clients={**state.clients, client.id: accepted},
        counts=msgspec.structs.replace(state.counts, accepted=state.counts.accepted + 1),
        staleness={**state.staleness, staleness: state.staleness.get(staleness, 0) + 1},
    )
    ack = Ack(sequence=header.sequence, staleness=staleness, sha256=digest.hex())
    noted = Log(f"update {client.id}/{header.sequence} accepted, staleness {staleness}", is_detail=True)
    return after, [SaveUpdate(contribution, event.payload), SaveClient(accepted), Send(client.id, ack), noted]


def _usual_seconds(client: Client, at: float) -> float | None:
    if client.assignment is None:
        return client.seconds
    newest = max(0.0, at - client.assignment.since)
    return newest if client.seconds is None else NEWEST_SHARE * newest + (1 - NEWEST_SHARE) * client.seconds


def _rejected(state: State, client: Client, event: UpdateArrived, reason: RejectReason, detail: str) -> Step:
    header, at = event.update.header, event.at
    # If the device trained again at once, the result would be rejected again; but not after what has waited in its
    # outbox since the federation followed another plan.
    is_left_over = header.plan != state.plan.digest
    client = replace(client, assignment=None, retry_at=client.retry_at if is_left_over else at + REJECTED_SECONDS)
    counts = msgspec.structs.replace(state.counts, rejected=state.counts.rejected + 1)
    answer = Reject(sequence=header.sequence, reason=reason, detail=detail, sha256=event.digest.hex())
    return _counted(state, client, counts), [SaveCounts(counts), Send(client.id, answer)]


def _unassigned(state: State, client: Client, event: UpdateArrived) -> Step:
    header = event.update.header
    counts = msgspec.structs.replace(state.counts, rejected=state.counts.rejected + 1)
    detail = f"this device was not assigned version {header.base_version}, or has sent its update for it already"
    sha256 = event.digest.hex()
    answer = Reject(sequence=header.sequence, reason="unassigned", detail=detail, sha256=sha256)
    return _counted(state, client, counts), [SaveCounts(counts), Send(client.id, answer)]


def _stale(state: State, client: Client, event: UpdateArrived, *, highest: int = 0) -> Step:
    """Return the answer to an update that cannot be taken under its number; a device that gives it up trains again."""
    counts = msgspec.structs.replace(state.counts, stale=state.counts.stale + 1)
    sequence, sha256 = event.update.header.sequence, event.digest.hex()
    answer = Resync(sequence=sequence, version=state.version, sha256=sha256, highest=highest)
    return _counted(state, replace(client, assignment=None), counts), [SaveCounts(counts), Send(client.id, answer)]


def _is_known(state: State, event: UpdateArrived) -> bool:
    """Tell whether an update came before, byte for byte; what waits in the buffer may not be in the store yet."""
    if event.is_stored:
        return True
    one = (event.client, event.update.header.sequence, event.digest)
    return any((update.client, update.header.sequence, update.digest) == one for update in state.buffer)


def _duplicate(state: State, client: Client, event: UpdateArrived) -> Step:
    counts = msgspec.structs.replace(state.counts, duplicate=state.counts.duplicate + 1)
    answer = Ack(sequence=event.update.header.sequence, sha256=event.digest.hex())
    return _counted(state, client, counts), [SaveCounts(counts), Send(client.id, answer)]


def _renumbered(state: State, client: Client, event: UpdateArrived) -> Step:
    """Answer another update than the one that has its number: the device was restored from an older copy.

    Under a new number it is taken if the device still has an assignment for it. Whatever was taken before has used its
    assignment up, so that nothing counts twice.
    """
    told = Log(
        f"device {client.id} sends another update {event.update.header.sequence} than before, and {client.sequence} is "
        "its highest number: an older copy of its state folder is in use, or two copies are",
        is_detail=True,
    )
    after, effects = _stale(state, client, event, highest=client.sequence)
    return after, [*effects, told]


def _counted(state: State, client: Client, counts: UpdateCounts) -> State:
    return replace(state, clients={**state.clients, client.id: client}, counts=counts)
