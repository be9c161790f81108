"""Devices are forgotten, all but what they have contributed: those that ask for it, once no update of theirs waits.

`unheard` forgets those of which nobody has heard for long.
"""

from collections.abc import Set
from dataclasses import replace

from mfpt_coord.core.audit import NOBODY, Deed
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.consensus import kept_by_language, usual_shares
from mfpt_coord.core.effects import Effect, ForgetDevices, Log, SaveDeed, Step, Withdraw
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import DeviceLeft
from mfpt_coord.core.offers import without_offer
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import counting, takes_part


def let_leave(state: State, event: DeviceLeft) -> Step:
    """Forget a device that asks for it, as soon as that can be; one that was revoked stays, so that it remains so."""
    enrolment, client = state.enrolments.get(event.client), state.clients.get(event.client)
    if not takes_part(state, event.client) or (enrolment is None and client is None):
        return state, []
    state = replace(without_offer(state, event.client), leaving=state.leaving | {event.client})
    if client is None:
        return state, []
    gone = replace(client, state="offline", ready=False, assignment=None, grants=())
    return replace(state, clients=state.clients.plus(gone)), []


def forget_leaving(state: State, at: float) -> Step:
    """Forget those who have asked for it and of whom no update waits; who was revoked since stays so."""
    if not state.leaving:
        return state, []
    gone = frozenset(name for name in state.leaving - needed(state) if takes_part(state, name))
    if not gone:
        return state, []
    names = tuple(sorted(gone))
    invited = [known for name in names if (known := state.enrolments.get(name)) is not None and known.is_invited]
    after = replace(without_devices(state, gone, at), leaving=state.leaving - gone)
    effects: list[Effect] = [ForgetDevices(names)]
    effects += [SaveDeed(Deed(at, NOBODY, "forget", detail="1 device that left and asked for it")) for _ in names]
    effects += [Withdraw(one) for one in invited]
    return after, [*effects, *(Log(f"device {name} has left, and is forgotten", client=name) for name in names)]


def needed(state: State) -> frozenset[str]:
    """Return the devices of which an update waits, in one form or another."""
    updates = {update.client for contribution in state.buffer for update in contribution.updates}
    offers = {one.client for one in state.offers}
    members = {member.client for cohort in state.cohorts for member in cohort.members}
    return frozenset(updates | offers | members)


def without_devices(state: State, gone: Set[str], at: float) -> State:
    """Return a state that knows nothing of some devices; it costs as much as going through all."""
    clients = [client for client in state.clients.values() if client.id not in gone]
    enrolments = {name: one for name, one in state.enrolments.items() if name not in gone}
    shares = {of: share for of, share in state.relations.shares.items() if of[1] not in gone}
    after = replace(
        state,
        clients=Clients.of(clients, at),
        enrolments=Entries.of(enrolments),
        relations=replace(state.relations, shares=shares),
    )
    counted = counting(after).shares
    return replace(after, usual=usual_shares(counted), kept=kept_by_language(counted))
