"""When a federation is at rest: nobody trains, and nothing waits to be folded. Devices that listen are then let go.

A device that has made its rounds listens for what the others still make. It cannot know when that is over, so it is
told: with `Stop`, finished, which names the newest version. Whoever joins later starts the federation anew.
"""

from dataclasses import replace

from mfpt_coord.core.effects import Effect, Step
from mfpt_coord.core.state import Client, State
from mfpt_coord.core.taking_part import stop


def let_go(state: State, at: float) -> Step:
    """Tell the devices that only listen that the newest version is the last for now, once, if the federation rests."""
    listening = [client for client in state.clients.values() if _listens(client, at)]
    if not listening or not _rests(state, at):
        return state, []
    told = {client.id: replace(client, let_go=True) for client in listening}
    effects: list[Effect] = [stop(state, client.id, client, "finished") for client in listening]
    return replace(state, clients={**state.clients, **told}), effects


def _listens(client: Client, at: float) -> bool:
    return client.phase == "done" and not client.let_go and client.is_online(at)


def _rests(state: State, at: float) -> bool:
    """Tell whether no update waits or is to come; a device that is there and not done will send one."""
    if state.buffer or state.joining:
        return False
    return all(client.phase == "done" for client in state.clients.values() if client.is_online(at))
