"""Devices that nobody has heard of for long are forgotten; what they have contributed stays, as sums.

Only devices that came to an open federation by themselves go: one that was invited stays until it is revoked, and one
that was revoked stays so that it remains revoked. Whoever comes back after that is a new device.
"""

from dataclasses import replace
from typing import Final

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.audit import Deed
from mfpt_coord.core.client import Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.consensus import kept_by_language, usual_shares
from mfpt_coord.core.effects import ForgetDevices, Log, SaveDeed, Step
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import DevicesUnheard
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import counting

_DAY: Final = 86_400.0


def forget_unheard(state: State, event: DevicesUnheard) -> Step:
    """Return the state without the devices that have not been heard of; it costs as much as going through all."""
    since, needed = event.at - event.seconds, _needed(state)
    known = [one.id for one in state.clients.values() if _is_gone(one, since, event.at)]
    met = [one.client for one in state.enrolments.values() if one.client not in state.clients and one.at < since]
    gone = {one for one in [*known, *met] if one not in needed and _came_by_itself(state.enrolments.get(one))}
    if not gone:
        return state, []
    clients = [client for client in state.clients.values() if client.id not in gone]
    enrolments = {name: one for name, one in state.enrolments.items() if name not in gone}
    shares = {of: share for of, share in state.relations.shares.items() if of[1] not in gone}
    after = replace(
        state,
        clients=Clients.of(clients, event.at),
        enrolments=Entries.of(enrolments),
        relations=replace(state.relations, shares=shares),
    )
    counted = counting(after).shares
    after = replace(after, usual=usual_shares(counted), kept=kept_by_language(counted))
    devices = "1 device" if len(gone) == 1 else f"{len(gone)} devices"
    words = f"{devices} not heard of for {event.seconds / _DAY:g} days"
    noted = SaveDeed(Deed(event.at, event.by, "forget", detail=words))
    return after, [ForgetDevices(tuple(sorted(gone))), noted, Log(f"forgot {words}")]


def _is_gone(client: Client, since: float, at: float) -> bool:
    """Tell whether a device was last heard of before a time. One that only listens has nothing to say."""
    return client.last_seen < since and not client.is_online(at) and not client.is_listening


def _came_by_itself(enrolment: Enrolment | None) -> bool:
    return enrolment is None or (not enrolment.is_invited and enrolment.revoked is None)


def _needed(state: State) -> frozenset[str]:
    """Return the devices of which an update waits, in one form or another."""
    updates = {update.client for contribution in state.buffer for update in contribution.updates}
    offers = {one.client for one in state.offers}
    members = {member.client for cohort in state.cohorts for member in cohort.members}
    return frozenset(updates | offers | members)
