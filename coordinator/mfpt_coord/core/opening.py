"""A state that was stored becomes that of a coordinator that starts."""

from dataclasses import replace

from mfpt_coord.core.clients import Clients
from mfpt_coord.core.speakers import Shares
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import counted_shares


def opened(state: State, at: float) -> State:
    """Return a loaded state at the start of a run. Whatever a clock that was ahead has stored was just before.

    Otherwise an update that came before such a clock was corrected would wait in the buffer for as long as it was
    ahead. What devices have said counts of those that take part in this run.

    Args:
        state: What the store has loaded.
        at: Time of the start, Unix seconds.
    """
    buffer = tuple(replace(update, at=min(update.at, at)) for update in state.buffer)
    known = (replace(one, last_seen=min(one.last_seen, at)) for one in state.clients.values())
    clients = Clients.of(known, at, state.plan.aggregation.newcomer_updates)
    relations = replace(state.relations, shares=Shares.of(counted_shares(state, state.relations.shares)))
    return replace(state, buffer=buffer, clients=clients, relations=relations, opened=at)


def with_limit(state: State, folds: int | None) -> State:
    """Return a state that is finished after this many more versions; None: never."""
    return state if folds is None else replace(state, last_version=state.version + folds)
