"""`mfpt-coord serve`: assembles store, broker, transport and coordinator, and shuts them down in order."""

import asyncio
import contextlib
import logging
import os
import time
import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path

from mfpt_coord.core.audit import Actor, Deed
from mfpt_coord.core.effects import SaveDeed
from mfpt_coord.core.opening import with_limit
from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.core.relations import Distances
from mfpt_coord.core.state import State, initial
from mfpt_coord.languages.distances import look_up, merged, with_custom
from mfpt_coord.presets import default_plan
from mfpt_coord.server.actors import this_user
from mfpt_coord.server.challenge import ensure_alone
from mfpt_coord.server.channel import ADVICE, CoordinatorIdentity, coordinator_will
from mfpt_coord.server.config import ServeConfig
from mfpt_coord.server.control import control_socket
from mfpt_coord.server.coordinator import Coordinator
from mfpt_coord.server.data_folder import DATABASE_FILE, KEY_FILE, open_key, open_store
from mfpt_coord.server.housekeeping import keep_house
from mfpt_coord.server.metrics.http_server import monitored
from mfpt_coord.server.metrics.meters import Meters
from mfpt_coord.server.metrics.monitor import Monitor
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.orders import AnyOrder, AnyReport
from mfpt_coord.server.postgres_store import PostgresStore
from mfpt_coord.server.reach import Reach, is_loopback, is_open, reach
from mfpt_coord.server.store import RunStore
from mfpt_coord.server.web import Page, web_setting
from mfpt_shared.clock import SteadyClock
from mfpt_shared.errors import ConnectionFailed, Incompatible, PlanError
from mfpt_shared.folders import owned
from mfpt_shared.logs import lines_about
from mfpt_shared.plan import Plan
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from mfpt_shared.transport.retries import connect

_log = logging.getLogger(__name__)


def serve(config: ServeConfig, page: Page | None = None) -> None:
    """Run a coordinator until it is done or interrupted; it has saved whatever it acknowledged.

    Args:
        config: What the command line asks for.
        page: Serves the operator's page, where there is to be one.

    Raises:
        MfptError: See `errors`.
    """
    monitor = Monitor(Meters(), config.data_dir / DATABASE_FILE)
    with owned(config.data_dir, "--data-dir"), _monitored(config, monitor):
        store = _open(config)
        try:
            store.forget(time.time())
            state = _with_distances(open_state(store, config.plan), config.distances)
            identity = open_identity(config.data_dir, store)
            admits = "every device" if is_open(config) else "invited devices"
            store.commit([SaveDeed(Deed(identity.started, this_user(), "start", detail=f"admits {admits}"))])
            asyncio.run(_run(config, store, state, identity, monitor, page))
        finally:
            store.close()


def _monitored(config: ServeConfig, monitor: Monitor) -> contextlib.AbstractContextManager[object]:
    """Serve a monitor for as long as the context lasts, where somebody is to read it."""
    return contextlib.nullcontext() if config.metrics is None else monitored(config.metrics, monitor)


def _open(config: ServeConfig) -> RunStore:
    """Return the store, once no other coordinator works on it."""
    if config.store is None:
        return open_store(config.data_dir, config.keep)
    store = PostgresStore(config.store, config.keep)
    try:
        store.lead(partial(stand_by, store, config.data_dir, config.plan))
    except BaseException:
        store.close()
        raise
    return store


def stand_by(store: PostgresStore, data_dir: Path, plan: Plan | None, seconds: float) -> None:
    """Wait while another coordinator works, unless this one could not take its place.

    Args:
        store: Store that the other one works on.
        data_dir: Data folder, which needs the other one's key.
        plan: What `--plan` names; None: nothing.
        seconds: How long to wait.

    Raises:
        Damaged: The key is missing, or another one.
        Incompatible: The other one follows another plan, or was given one since.
    """
    if store.has_run:
        open_key(data_dir / KEY_FILE, store.key, has_run=True)
        _check_plan(store.plan, plan)
    time.sleep(seconds)


def open_identity(data_dir: Path, store: RunStore) -> CoordinatorIdentity:
    """Return who the coordinator is in this run.

    Its number is at least the time in microseconds: where a store was lost, or an older copy of it was restored,
    devices have seen higher epochs than the store knows of.

    Args:
        data_dir: Data folder, which holds the key; a new one is made where there is none.
        store: Store, which numbers the runs.

    Raises:
        Damaged: The key cannot be read, has gone, or is not the one that devices know.
    """
    started = time.time()
    key = open_key(data_dir / KEY_FILE, store.key, has_run=store.has_run)
    epoch = store.begin_run(started, key.public)
    return CoordinatorIdentity(store.coordinator, started, epoch, key)


def open_state(store: RunStore, plan: Plan | None) -> State:
    """Return the state in a store; a new store gets the state of a new federation.

    Raises:
        Incompatible: The store follows another plan than the given one.
        PlanError: Heads in closed form would travel in the open.
    """
    state = store.load()
    if state is None:
        state = _begun(plan or default_plan())
        store.create(state, uuid.uuid4().hex[:12])
    else:
        _check_plan(state.plan, plan)
    return state


def _check_plan(followed: Plan, plan: Plan | None) -> None:
    if plan is not None and (difference := _difference(followed, plan)):
        raise Incompatible(
            f"the federation follows plan {followed.digest}, and --plan is another one, {plan.digest} (they differ in "
            f"{difference}); start without --plan and use `mfpt-coord plan apply` then, or give the new plan a "
            "--data-dir of its own"
        )


def _begun(plan: Plan) -> State:
    """Return the state of a new federation; one that has begun before sends no more heads in closed form.

    Raises:
        PlanError: Heads in closed form would travel in the open.
    """
    if plan.shows_heads:
        raise PlanError(
            'with training.head_start = "ridge", first heads show which sentences a device holds: set '
            'privacy.aggregation = "masked", or head_start = "zero"'
        )
    return initial(plan)


def _with_distances(state: State, custom: Distances) -> State:
    """Return a state with the operator's distances from this run instead of those from earlier runs."""
    if custom and not needs_distances(state.plan.aggregation):
        _log.warning(
            "--distances has no effect: the plan's aggregation.proximity is %r", state.plan.aggregation.proximity
        )
    return replace(state, relations=replace(state.relations, distances=merged(state.relations.distances, custom)))


def _difference(first: Plan, second: Plan) -> str:
    sections = (section for section in Plan.__struct_fields__ if getattr(first, section) != getattr(second, section))
    return ", ".join(sections)


def _tell_where(config: ServeConfig, found: Reach, *, is_open: bool) -> None:
    """Log how devices take part."""
    where = str(found.addresses[0])
    if not is_open:
        _log.info("listening: %s; invite devices with mfpt-coord invite --data-dir %s", where, config.data_dir)
        if not found.addresses[0].tls and not is_loopback(found.addresses[0].host):
            _log.warning("without TLS, whoever listens on the network can read passwords; leave --no-tls out")
        if os.environ.get(PASSWORD_VARIABLE) and config.broker is None:
            _log.warning("%s has no effect: only an open federation (--open) has a common password", PASSWORD_VARIABLE)
        return
    _log.info("listening: mfpt-edge join --broker %s", where)
    if config.is_open or config.broker is not None:
        _log.warning(
            "open: whoever reaches the broker can take part, and what it sends counts; --closed admits invited devices "
            "alone"
        )


async def _not_yet(_: AnyOrder, __: Actor) -> AnyReport:
    """Answer an order that comes while nobody can be told of it.

    Raises:
        ConnectionFailed: Always.
    """
    raise ConnectionFailed("the coordinator still waits for its broker: see its log, and try again later")


async def _keep_house(config: ServeConfig, coordinator: Coordinator) -> None:
    if config.forget_devices is not None:
        await keep_house(coordinator, config.forget_devices, this_user())


async def _run(
    config: ServeConfig,
    store: RunStore,
    state: State,
    identity: CoordinatorIdentity,
    monitor: Monitor,
    page: Page | None,
) -> None:
    federation = state.plan.federation
    state = replace(state, open=is_open(config))
    async with contextlib.AsyncExitStack() as stack:
        found = await reach(config, state, identity, stack)
        if config.broker is not None:  # nobody else has an account at the embedded one with which to serve
            asking = found.connection.transport(f"mfpt-start-{uuid.uuid4().hex[:12]}")
            async with control_socket(config.data_dir, _not_yet):
                await connect(asking, config.attempts, asyncio.sleep, ADVICE)
                await ensure_alone(asking, federation, identity, time.time)
        transport = found.connection.transport(
            identity.mqtt_client, will=coordinator_will(federation, identity), persistent=True
        )
        coordinator = Coordinator(
            with_limit(state, config.folds),
            store,
            transport,
            identity,
            clock=SteadyClock(),
            wall=time.time,
            look_up=with_custom(look_up, config.distances),
            credentials=found.credentials,
            revive=found.revive,
            observer=monitor.meters,
        )
        monitor.follow(asyncio.get_running_loop(), coordinator.vital_signs)
        operator = Operator(coordinator, identity.key.public, found.addresses)
        if config.web is not None and page is not None:
            setting = web_setting(config, identity.key, config.web)
            operator = replace(operator, links=await stack.enter_async_context(page(operator, setting)))
        await stack.enter_async_context(control_socket(config.data_dir, operator.obey))
        _log.info("federation %s, plan %s, version %d", federation, state.plan.digest, state.version)
        _tell_where(config, found, is_open=state.open)
        with lines_about(lambda: {"federation": federation, "version": coordinator.state.version}):
            house = asyncio.ensure_future(_keep_house(config, coordinator))
            try:
                await coordinator.run()
            finally:
                house.cancel()
                _log.info("stopped at version %d", coordinator.state.version)
