"""Devices that nobody has heard of for long are forgotten; what they have contributed stays, as sums.

Only devices that came to an open federation by themselves go: one that was invited stays until it is revoked, and one
that was revoked stays so that it remains revoked. Whoever comes back after that is a new device.
"""

from typing import Final

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.audit import Deed
from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import ForgetDevices, Log, SaveDeed, Step
from mfpt_coord.core.events import DevicesUnheard
from mfpt_coord.core.forgetting import needed, without_devices
from mfpt_coord.core.state import State

_DAY: Final = 86_400.0


def forget_unheard(state: State, event: DevicesUnheard) -> Step:
    """Return the state without the devices that have not been heard of; it costs as much as going through all."""
    since, waiting = event.at - event.seconds, needed(state)
    known = [one.id for one in state.clients.values() if _is_gone(one, since, event.at)]
    met = [one.client for one in state.enrolments.values() if one.client not in state.clients and one.at < since]
    gone = {one for one in [*known, *met] if one not in waiting and _came_by_itself(state.enrolments.get(one))}
    if not gone:
        return state, []
    after = without_devices(state, gone, event.at)
    devices = "1 device" if len(gone) == 1 else f"{len(gone)} devices"
    words = f"{devices} not heard of for {event.seconds / _DAY:g} days"
    noted = SaveDeed(Deed(event.at, event.by, "forget", detail=words))
    return after, [ForgetDevices(tuple(sorted(gone))), noted, Log(f"forgot {words}")]


def _is_gone(client: Client, since: float, at: float) -> bool:
    """Tell whether a device was last heard of before a time. One that only listens has nothing to say."""
    return client.last_seen < since and not client.is_online(at) and not client.is_listening


def _came_by_itself(enrolment: Enrolment | None) -> bool:
    return enrolment is None or (not enrolment.is_invited and enrolment.revoked is None)
