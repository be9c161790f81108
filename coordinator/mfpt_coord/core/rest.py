"""When a federation is at rest: nobody trains, and nothing waits to be folded. Devices that listen are then let go.

A device that has made its rounds listens for what the others still make. It cannot know when that is over, so it is
told: with `Stop`, finished, which names the newest version. Whoever joins later starts the federation anew.

A device that was cut off, or that a coordinator which has just started has not heard yet, may be training: for as long
as it has to come back, nobody is let go. But nobody waits for updates that are too few for a cohort under masks: it may
be long before others join.
"""

from dataclasses import replace

from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import Effect, Step
from mfpt_coord.core.indices import Kind
from mfpt_coord.core.schedule import RETURN_SECONDS
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import stop


def let_go(state: State, at: float) -> Step:
    """Tell the devices that only listen that the newest version is the last for now, once, if the federation rests."""
    if state.finished or state.buffer or state.cohorts or state.joining:
        return state, []
    if not state.clients.indices.listening or _somebody_may_train(state, at):
        return state, []
    told = [replace(state.clients[name], let_go=True) for name in state.clients.indices.listening]
    effects: list[Effect] = [stop(state, client.id, client, "finished") for client in told]
    return replace(state, clients=state.clients.plus(*told)), effects


def _somebody_may_train(state: State, at: float) -> bool:
    """Tell whether an update of a device may come: of one that is there and not done, or that may come back.

    Of each kind it is enough to look at who was heard from last, but for those that offer an update, and wait for
    others to make a cohort with.
    """
    too_few = len(state.offers) < state.plan.privacy.min_group
    waiting = {one.client for one in state.offers} if too_few else frozenset[str]()
    recent = state.clients.indices.recent
    kinds = (recent.get(Kind(is_online, is_done=False), ()) for is_online in (True, False))
    newest = (next((name for _, name in kind if name not in waiting), None) for kind in kinds)
    return any(_may_train(state.clients[name], state, at) for name in newest if name is not None)


def _may_train(client: Client, state: State, at: float) -> bool:
    return client.is_online(at) or _may_return(client, state, at)


def _may_return(client: Client, state: State, at: float) -> bool:
    """Tell whether a device that has not said goodbye was there a moment ago, or may have been."""
    return client.state == "offline" and at < max(client.last_seen, state.opened) + RETURN_SECONDS
