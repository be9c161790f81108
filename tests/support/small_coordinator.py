"""The coordinator of a small world: as it is, with a store that can die."""

from dataclasses import replace
from typing import TYPE_CHECKING

from mfpt_coord.core.effects import SaveInvitation
from mfpt_coord.core.state import State
from mfpt_coord.server.channel import CoordinatorIdentity, coordinator_will
from mfpt_coord.server.coordinator import Coordinator
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.serve import open_state
from mfpt_coord.server.store import SqliteStore
from mfpt_shared.errors import ConnectionFailed
from support.federation import no_distances
from support.mortal import Life, MortalStore
from support.rough_transport import RoughTransport
from support.small_invitation import invitation

if TYPE_CHECKING:
    from support.small_world import World


async def serve(world: "World", life: Life) -> None:
    """Run the coordinator until it is killed, or ends by itself."""
    world.data.mkdir(parents=True, exist_ok=True)
    store = MortalStore(world.data / DATABASE_FILE, life, lambda: world.disk_is_full)
    clock = world.clock_of_a_run()
    try:
        state = _open_state(world, store, clock())
        epoch = store.begin_run(clock(), world.key.public)
        identity = CoordinatorIdentity(store.coordinator, clock(), epoch, world.key)
        transport = RoughTransport(
            world.broker,
            identity.mqtt_client,
            life,
            will=coordinator_will(world.plan.federation, identity),
            persistent=True,
        )
        world.coordinator = Coordinator(
            state,
            store,
            transport,
            identity,
            clock=clock,
            look_up=no_distances,
            revive=lambda times: _restart_the_broker(world, life, times),
        )
        await world.coordinator.run()
    except ConnectionFailed:
        life.end()  # whoever watches over the process starts it again
        raise
    finally:
        world.coordinator = None if life.is_over else world.coordinator
        store.close()


def _open_state(world: "World", store: MortalStore, at: float) -> State:
    """Return the state in a store; a closed federation begins with its invitation."""
    is_new = store.load() is None
    state = open_state(store, world.plan)
    if not world.setting.is_closed:
        return state
    if is_new:
        SqliteStore.commit(store, [SaveInvitation(invitation(len(world.devices), at))])
    loaded = store.load()
    assert loaded is not None
    return replace(loaded, open=False)


def _restart_the_broker(world: "World", life: Life, times: int) -> None:
    """Restart the broker for its coordinator as the embedded one does, with a fresh folder if that did not help."""
    if not life.is_over:
        world.broker.stop(forgets=times > 1)
        world.loop.call_later(1, world.broker.start)
