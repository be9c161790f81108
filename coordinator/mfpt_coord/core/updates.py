"""What happens to an update that arrives: it is validated first, then recorded."""

from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from mfpt_coord.core.answers import (
    duplicate,
    is_stale,
    problem,
    rejected,
    renumbered,
    speaker,
    stale,
    unassigned,
    usual_seconds,
)
from mfpt_coord.core.best import with_measured
from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import Log, SaveClient, SaveUpdate, Send, Step
from mfpt_coord.core.events import UpdateArrived
from mfpt_coord.core.grants import grant_for, without_grant
from mfpt_coord.core.state import Contribution, State
from mfpt_coord.core.taking_part import counted_examples
from mfpt_shared.errors import Incompatible
from mfpt_shared.protocol.messages import Ack
from mfpt_shared.tensors import Array, check_layout, dense, flatten

# Virtual tokens and head weights are of the order of 1; only a training that diverged changes them by more than this.
MAX_CHANGE: Final = 1e3


def take_update(state: State, event: UpdateArrived) -> Step:
    """Return the state with an update in its buffer, or with a rejection counted, and the answer to the device."""
    header = event.header
    known, client = speaker(state, event)
    if header.sequence <= client.sequence:
        return duplicate(state, known, event) if _is_known(state, event) else renumbered(state, known, event)
    if why := problem(state, client, header):
        return rejected(state, known, event, "incompatible", why)
    try:
        delta = _flat(state, event)
    except Incompatible as error:
        return rejected(state, client, event, "incompatible", str(error))
    if not np.abs(delta).max() <= MAX_CHANGE:  # true for NaN as well
        return rejected(
            state, client, event, "diverged", f"a value changed by more than {MAX_CHANGE:g}: the training diverged"
        )
    if is_stale(state, header.base_version):
        return stale(state, client, event)
    return _usable(state, client, event, delta)


def _usable(state: State, client: Client, event: UpdateArrived, delta: Array) -> Step:
    """Accept an update if the device was assigned it."""
    grant = grant_for(client, event.header.base_version)
    if grant is None:
        return unassigned(state, client, event)
    return _accepted(state, without_grant(client, grant), event, delta)


def _flat(state: State, event: UpdateArrived) -> Array:
    delta = dense(event.update.delta)
    check_layout(delta, state.layout)
    return flatten(delta, state.layout)


def _accepted(state: State, client: Client, event: UpdateArrived, delta: Array) -> Step:
    claimed = event.header
    staleness = state.version - claimed.base_version
    header = msgspec.structs.replace(claimed, examples=counted_examples(state, client.id, claimed.examples))
    digest = event.digest
    contribution = Contribution(client.id, header, client.language, staleness, delta, event.at, digest)
    metrics = header.metrics
    told = with_measured(
        client, header.base_version, metrics.accuracy, counted_examples(state, client.id, metrics.validated)
    )
    accepted = replace(
        told,
        sequence=header.sequence,
        contributed=max(client.contributed, header.base_version),
        examples=header.examples,
        accuracy=client.accuracy if metrics.accuracy is None else metrics.accuracy,
        seconds=usual_seconds(client, event.at),
        assignment=None,
        phase="idle",
    )
    after = replace(
        state,
        buffer=(*state.buffer, contribution),
        clients=state.clients.plus(accepted),
        counts=msgspec.structs.replace(state.counts, accepted=state.counts.accepted + 1),
        staleness={**state.staleness, staleness: state.staleness.get(staleness, 0) + 1},
    )
    ack = Ack(sequence=header.sequence, staleness=staleness, sha256=digest.hex())
    noted = Log(
        f"update {client.id}/{header.sequence} accepted, staleness {staleness}", is_detail=True, client=client.id
    )
    return after, [SaveUpdate(contribution, event.payload), SaveClient(accepted), Send(client.id, ack), noted]


def _is_known(state: State, event: UpdateArrived) -> bool:
    """Tell whether an update came before, byte for byte; what waits in the buffer may not be in the store yet."""
    if event.is_stored:
        return True
    one = (event.client, event.header.sequence, event.digest)
    return any((update.client, update.header.sequence, update.digest) == one for update in state.buffer)
