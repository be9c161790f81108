"""When a federation is at rest: nobody trains, and nothing waits to be folded. Devices that listen are then let go.

A device that has made its rounds listens for what the others still make. It cannot know when that is over, so it is
told: with `Stop`, finished, which names the newest version. Whoever joins later starts the federation anew.

A device that was cut off, or that a coordinator which has just started has not heard yet, may be training: for as long
as it has to come back, nobody is let go. But nobody waits for updates that are too few for a cohort under masks: it may
be long before others join.
"""

from collections.abc import Iterable
from dataclasses import replace

from mfpt_coord.core.effects import Effect, Step
from mfpt_coord.core.schedule import RETURN_SECONDS
from mfpt_coord.core.state import Client, State
from mfpt_coord.core.taking_part import stop


def let_go(state: State, at: float) -> Step:
    """Tell the devices that only listen that the newest version is the last for now, once, if the federation rests.

    This looks at every device, so it is for now and then, not for every event.
    """
    if state.finished or state.buffer or state.cohorts or state.joining:
        return state, []
    listening = [client for client in state.clients.values() if _listens(client)]
    if not listening or any(_may_train(client, state, at) for client in _others(state)):
        return state, []
    told = {client.id: replace(client, let_go=True) for client in listening}
    effects: list[Effect] = [stop(state, client.id, client, "finished") for client in listening]
    return replace(state, clients={**state.clients, **told}), effects


def _listens(client: Client) -> bool:
    # It has nothing to say for as long as it listens, so that silence tells nothing.
    return client.state == "online" and client.phase == "done" and not client.let_go


def _others(state: State) -> Iterable[Client]:
    """Return the devices but those that offer an update, and wait for others to make a cohort with."""
    too_few = len(state.offers) < state.plan.privacy.min_group
    waiting = {one.client for one in state.offers} if too_few else frozenset[str]()
    return (client for client in state.clients.values() if client.id not in waiting)


def _may_train(client: Client, state: State, at: float) -> bool:
    """Tell whether an update of a device may come: of one that is there and not done, or that may come back."""
    return client.phase != "done" and (client.is_online(at) or _may_return(client, state, at))


def _may_return(client: Client, state: State, at: float) -> bool:
    """Tell whether a device that has not said goodbye was there a moment ago, or may have been."""
    return client.state == "offline" and at < max(client.last_seen, state.opened) + RETURN_SECONDS
