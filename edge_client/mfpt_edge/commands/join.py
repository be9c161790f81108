"""`mfpt-edge join`: puts folder, transport, trainer and client together, and reports what came of it."""

import asyncio
import contextlib
import logging
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from mfpt_edge.commands.admission import admitted, connect, connection_of, trust_of
from mfpt_edge.commands.early import check_trains
from mfpt_edge.commands.join_config import DataSource, JoinConfig
from mfpt_edge.commands.load_order import TRAINING, loading_by
from mfpt_edge.commands.prepare import courtesy_of, prepare
from mfpt_edge.data.label_map import read_label_map
from mfpt_edge.engine.engine import Engine
from mfpt_edge.engine.owner import Owner
from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.conditions import Conditions
from mfpt_edge.session.control import control_socket
from mfpt_edge.session.desk import Desk
from mfpt_edge.session.doing_file import DoingFile
from mfpt_edge.session.orders import Left
from mfpt_edge.session.outcome import Outcome
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.cache import make_private
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.identity import Identity
from mfpt_edge.storage.uploaded import Uploaded
from mfpt_shared.clock import SteadyClock
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.errors import UsageError
from mfpt_shared.folders import cache_home, owned
from mfpt_shared.languages import LanguageCode, named
from mfpt_shared.logs import lines_about
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Role
from mfpt_shared.system.memory import peak_rss_bytes
from mfpt_shared.system.names import check_name

_log = logging.getLogger(__name__)


class JoinResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `mfpt-edge join` ends with. Accuracies are on the test examples, in 0..1; None if there are none.

    For a task that generates, accuracy is the share of completions that would be written exactly as expected.

    Attributes:
        language: Language of the device.
        rounds: Updates that were accepted.
        version: Version of the federation's newest prompt.
        accuracy_alone: Accuracy after as many epochs from the first prompt on this device's examples only.
        accuracy_before: Accuracy of the first prompt that came.
        accuracy_after: Accuracy of the federation's newest prompt.
        accuracy_personal: Accuracy of the personal prompt, which is used from now on.
        own_share: How much of its own that one has, 0 to 1; 0: it is the federation's newest prompt.
        examples: Number of training examples.
        test_examples: Number of test examples.
        losses: Mean training loss of each round.
        held_rounds: How many of these, the first ones, left a third of the examples out; on all, a loss is higher.
        epsilon: What the updates of this device have given away, in differential privacy; None: the plan has no noise.
        epsilon_limit: What the plan lets them give away; 0: there is no limit.
        bytes_up: Bytes sent, payloads and topics.
        bytes_down: Bytes received, payloads and topics.
        peak_rss_bytes: Most memory that the device's processes have held, added up.
        seconds: Time from the start to the end of the federation's part; what is measured after that does not count.
    """

    language: str
    rounds: int
    version: int
    accuracy_alone: float | None
    accuracy_before: float | None
    accuracy_after: float | None
    accuracy_personal: float | None
    own_share: float
    examples: int
    test_examples: int
    losses: tuple[float, ...]
    held_rounds: int
    epsilon: float | None
    epsilon_limit: float
    bytes_up: int
    bytes_down: int
    peak_rss_bytes: int
    seconds: float


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What `mfpt-edge join` ends with for somebody who was invited, but not to train."""

    role: Role
    federation: str
    language: str


class View(Protocol):
    """Shows snapshots while it is entered, and knows the owner before it."""

    @property
    def owner(self) -> Owner:
        """Whoever is asked what only he can decide."""

    def shown(self) -> AbstractContextManager[None]:
        """Show something for as long as the context lasts."""

    def update(self, snapshot: Snapshot) -> None:
        """Show this from now on."""


def join(config: JoinConfig, view: View) -> JoinResult | Enrolled | Left:
    """Take part in a federation, as all that this process does; see `take_part`."""
    return asyncio.run(take_part(config, view))


async def take_part(config: JoinConfig, view: View) -> JoinResult | Enrolled | Left:
    """Take part in a federation, in a running event loop, and own the device's state folder until it ends.

    Whoever cancels it finds unacknowledged updates in the outbox. Meanwhile the owner's orders are obeyed, from
    whichever process they come; see `session.orders`.

    Args:
        config: What the owner asks for.
        view: Where he sees how it goes, and answers.

    Raises:
        MfptError: See `errors`.
    """
    check_trains(config.state_dir)
    _check_data_early(config.data)
    make_private(cache_home())
    with owned(config.state_dir, "--state-dir"), view.shown():
        folder = DeviceFolder(config.state_dir)
        identity = folder.enrol(config.language)
        with lines_about(lambda: {"device": identity.client, "language": identity.language}):
            return await _before_the_owner(config, view, folder, identity)


async def _before_the_owner(
    config: JoinConfig, view: View, folder: DeviceFolder, identity: Identity
) -> JoinResult | Enrolled | Left:
    """Take part, and obey the owner's orders meanwhile."""
    uploaded = Uploaded(folder.path)
    conditions = Conditions(folder.path, config.said, courtesy_of(config.limits), uploaded)
    desk = Desk(folder, identity, conditions, uploaded, cache_home())
    async with control_socket(folder.path, desk.obey):
        return await desk.until_left(_within_federation(config, view, folder, identity, desk))


def _check_data_early(data: DataSource) -> None:
    """Find a missing file before anything is connected; its content can only be judged with the plan."""
    if data.label_map is not None:
        read_label_map(data.label_map)
    if data.source is None or data.source == "cldr" or data.source.startswith("hf:"):
        return
    try:
        check_name(Path(data.source))
        Path(data.source).stat()
    except FileNotFoundError as error:
        raise UsageError(f"--data {data.source}: no such file or folder") from error
    except OSError as error:
        raise UsageError(f"--data {data.source} cannot be read: {error.strerror}") from error


async def _within_federation(
    config: JoinConfig, view: View, folder: DeviceFolder, identity: Identity, desk: Desk
) -> JoinResult | Enrolled:
    began = time.monotonic()
    session = folder.begin_session(identity)
    membership = await admitted(config, folder, session, asyncio.sleep)
    if membership is not None and membership.role != "device":
        return Enrolled(role=membership.role, federation=membership.federation, language=config.language)
    federation = config.federation if membership is None else membership.federation
    connection = connection_of(config.reach, membership, session)
    transport = connection.transport(session.mqtt_client, will=client_will(federation, session))

    engine = Engine(TRAINING)

    def load(plan: Plan) -> Trainer:
        trainer = prepare(config, plan, view.owner, desk.conditions.courtesy, loading_by(engine))
        if membership is None:
            folder.save_broker(connection.nodes)
        return trainer

    clock = SteadyClock()
    doing = DoingFile(folder.path, clock)

    def observe(snapshot: Snapshot) -> None:
        snapshot = desk.shown(snapshot)
        view.update(snapshot)
        doing.update(snapshot)

    client = EdgeClient(
        folder,
        session,
        federation,
        transport,
        trust=trust_of(membership),
        prepare=load,
        clock=clock,
        rounds=config.rounds,
        leave_after=config.leave_after,
        retries=config.retries.reconnect,
        conditions=desk.conditions,
        observe=observe,
    )
    desk.place(federation, connection.nodes, client.farewell)
    told = lines_about(lambda: {"federation": federation, "version": client.snapshot.version})
    closing = contextlib.closing
    with closing(engine), closing(desk), closing(doing), closing(client), told:
        await connect(transport, membership, config.retries.connect, asyncio.sleep)
        _log.info("connected to %s as device %s for %s", connection, identity.client, named(identity.language))
        await client.run()
        seconds = time.monotonic() - began
        outcome = await client.result(alone=config.alone)
        peak = peak_rss_bytes() + engine.peak_bytes
        return _result(config.language, client.snapshot, outcome, peak, seconds)


def _result(language: LanguageCode, snapshot: Snapshot, outcome: Outcome, peak: int, seconds: float) -> JoinResult:
    return JoinResult(
        language=language,
        rounds=snapshot.rounds,
        version=outcome.version,
        accuracy_alone=outcome.accuracy_alone,
        accuracy_before=outcome.accuracy_before,
        accuracy_after=outcome.accuracy_after,
        accuracy_personal=outcome.accuracy_personal,
        own_share=outcome.own_share,
        examples=outcome.examples,
        test_examples=outcome.test_examples,
        losses=snapshot.losses,
        held_rounds=snapshot.held_rounds,
        epsilon=snapshot.epsilon,
        epsilon_limit=snapshot.epsilon_limit,
        bytes_up=snapshot.bytes_up,
        bytes_down=snapshot.bytes_down,
        peak_rss_bytes=peak,
        seconds=round(seconds, 3),
    )
