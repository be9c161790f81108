"""Devices are forgotten, all but what they have contributed: those that ask for it, once no update of theirs waits.

`unheard` forgets those of which nobody has heard for long.
"""

from collections.abc import Set
from dataclasses import replace
from typing import Final

from mfpt_coord.core.audit import NOBODY, Deed
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.consensus import kept_by_language, usual_shares
from mfpt_coord.core.effects import Effect, ForgetDevices, Log, SaveDeed, Step, Withdraw
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import DeviceLeft
from mfpt_coord.core.offers import without_offer
from mfpt_coord.core.speakers import Shares
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import takes_part

PART_SECONDS: Final = 10.0
"""Time that a device which is forgotten has to disconnect."""


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
    """Forget those who have asked for it and of whom no update waits, and then close their accounts.

    Who was revoked since stays revoked. One that is cut off has no chance to disconnect in order: its last will would
    be published, and kept. So an account is closed a moment later; after a restart nobody has it anyway.
    """
    effects: list[Effect] = [Withdraw(one) for one, until in state.parting.items() if at >= until]
    if effects:
        state = replace(state, parting={one: until for one, until in state.parting.items() if at < until})
    if not state.leaving:
        return state, effects
    gone = frozenset(name for name in state.leaving - needed(state) if takes_part(state, name))
    if not gone:
        return state, effects
    names = tuple(sorted(gone))
    known = [enrolment for name in names if (enrolment := state.enrolments.get(name)) is not None]
    parting = {one: at + PART_SECONDS for one in known if one.is_invited}
    after = without_devices(state, gone, at)
    effects.append(ForgetDevices(names))
    effects += [SaveDeed(Deed(at, NOBODY, "forget", detail="1 device that left and asked for it")) for _ in names]
    effects += [Log(f"device {name} has left, and is forgotten", client=name) for name in names]
    return replace(after, leaving=state.leaving - gone, parting={**state.parting, **parting}), effects


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
    shares = Shares.of(state.relations.shares).without(gone)
    return replace(
        state,
        clients=Clients.of(clients, at, state.plan.aggregation.newcomer_updates),
        enrolments=Entries.of(enrolments),
        relations=replace(state.relations, shares=shares),
        usual=usual_shares(shares),
        kept=kept_by_language(shares),
    )
