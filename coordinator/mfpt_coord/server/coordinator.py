"""The coordinator's shell: it waits for what comes, from the broker, the operator, look-ups and the clock, and acts.

Everything that arrives while one batch is being handled is the next batch (`batches`).
"""

import asyncio
import logging
import math
import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from mfpt_coord.access.accounts import Credentials
from mfpt_coord.core.events import Event, TimePassed
from mfpt_coord.core.payloads import largest_payload
from mfpt_coord.core.schedule import next_deadline
from mfpt_coord.core.state import State
from mfpt_coord.core.status import federation_status
from mfpt_coord.languages.distances import LookUp
from mfpt_coord.server.batches import Batches
from mfpt_coord.server.broker_watch import BrokerWatch, Revive
from mfpt_coord.server.channel import Channel, CoordinatorIdentity
from mfpt_coord.server.errands import Errands
from mfpt_coord.server.intake import Intake
from mfpt_coord.server.login_watch import LoginWatch
from mfpt_coord.server.look_ups import LookUps, unknown_languages
from mfpt_coord.server.metrics.vital_signs import VitalSigns
from mfpt_coord.server.observer import Observer
from mfpt_coord.server.progress_notice import ProgressNotice
from mfpt_coord.server.rivals import Rivals
from mfpt_coord.server.store import Store
from mfpt_coord.server.stored_errors import StoreLost
from mfpt_shared.clock import Clock
from mfpt_shared.errors import Damaged, Incompatible, MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import FederationStatus
from mfpt_shared.tensors import Array
from mfpt_shared.transport.base import Connected, Disconnected, Inbound, SubscriptionRefused, Transport
from mfpt_shared.transport.base import Event as TransportEvent

STATUS_SECONDS: Final = 1.0
# Devices that have gone silent are found in the status only if it is published even when nothing is heard.
REFRESH_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 1.0
# After the last version, devices evaluate it and leave; this is how long the coordinator waits for them.
FAREWELL_SECONDS: Final = 30.0
FLUSH_SECONDS: Final = 5.0
ENDING: Final = "the coordinator is about to end, and has not done it; start it again first"

_log = logging.getLogger(__name__)


class Coordinator:
    """Runs one federation.

    Attributes:
        clock: Unix seconds, for all that waits; it does not jump.
    """

    def __init__(
        self,
        state: State,
        store: Store,
        transport: Transport,
        identity: CoordinatorIdentity,
        *,
        clock: Clock,
        look_up: LookUp,
        credentials: Credentials | None = None,
        revive: Revive | None = None,
        wall: Clock | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Prepare a coordinator.

        Args:
            state: What the store has loaded.
            store: Where accepted updates and versions are kept.
            transport: Connection to the broker, with `coordinator_will` as its will.
            identity: Who this coordinator is.
            clock: Unix seconds, for all that waits; it must not jump.
            look_up: How language distances are found.
            credentials: Accounts at the broker; None: it has none of their own, and all share one.
            revive: Starts a broker again that does not deliver; None: it is not the coordinator's.
            wall: Unix seconds, for people and messages; it may jump. None: `clock`.
            observer: Is told what was done; None: nobody is.
        """
        self._store = store
        self._channel = Channel(transport, state.plan.federation, identity, wall or clock)
        self._look_ups = LookUps(look_up, state.plan.aggregation.metrics, clock)
        self._errands = Errands(self._channel, self._look_ups, credentials)
        self._batches = Batches(state, store, self._errands.do, observer)
        self._intake = Intake(lambda: self.state, store.holds)
        self._rivals = Rivals(self._channel, state.plan.federation, identity, self._intake.refusals)
        self._requests: asyncio.Queue[tuple[Event, asyncio.Future[None]]] = asyncio.Queue()
        self._started = identity.started
        self._logins = LoginWatch(credentials)
        self.clock = clock
        self._wall = wall or clock
        self._watch = BrokerWatch(self._channel, state.plan.federation, identity, largest_payload(state.plan), revive)
        self._progress = ProgressNotice(self._channel)
        self._status_due = 0.0
        self._shown: State | None = None
        self._stopping = asyncio.Event()
        self._superseded = False
        self._ended = False

    @property
    def state(self) -> State:
        """What the coordinator knows, as it is saved."""
        return self._batches.state

    def stop(self) -> None:
        """Ask `run` to end in order."""
        self._stopping.set()

    @property
    def ahead(self) -> float:
        """By how much the clock on the wall is ahead of `clock`, seconds: people are told times by that one."""
        return self._wall() - self.clock()

    def status(self) -> FederationStatus:
        """Return what `coord/status` says."""
        now = self.clock()
        status = federation_status(self.state, self._started, now, self.ahead, self._logins.last_hour(now))
        return msgspec.structs.replace(
            status, refused=dict(self._intake.refusals.counts), failed_logins=self._logins.total
        )

    def vital_signs(self) -> VitalSigns:
        """Return what monitoring reads; call it in the event loop."""
        return VitalSigns(
            self.state,
            started=self._started,
            at=self.clock(),
            delivers=self._watch.delivers,
            round_trip=self._watch.round_trip,
            in_place=math.isinf(self._rivals.repair_at),
            saves=not self._batches.has_failed,
            orders=self._requests.qsize(),
            unsaved=self._batches.unsaved,
            refused=dict(self._intake.refusals.counts),
            failed_logins=self._logins.total,
            recent_logins=self._logins.last_hour(self.clock()),
        )

    def kept_prompt(self, language: LanguageCode, version: int) -> Array | None:
        """Return a language's prompt as of exactly this version; None: it is not kept."""
        return self._store.prompt(language, version)

    async def apply(self, event: Event) -> None:
        """Let an order of the operator take effect, on the disk as well.

        Raises:
            MfptError: It cannot be saved, or the coordinator is about to end; it has not happened.
        """
        if self._ended:
            raise MfptError(ENDING)
        done = asyncio.get_running_loop().create_future()
        self._requests.put_nowait((event, done))
        await done

    async def run(self) -> None:
        """Serve until the last version exists and the devices have gone, or `stop` was called.

        Raises:
            Incompatible: A later run of the same coordinator is at work.
            Damaged: Nothing can be saved any more.
        """
        farewell = math.inf
        self._batches.open(self.clock())
        self._look_ups.start(unknown_languages(self.state))
        self._watch.begin(self.clock())
        looked = self.clock()
        self._batches.take([TimePassed(looked)], looked)
        received = asyncio.ensure_future(self._first_received())
        found = asyncio.ensure_future(self._look_ups.found())
        asked = asyncio.ensure_future(self._requests.get())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            while not self._stopping.is_set() and self.clock() < farewell:
                wait = self._seconds_until(min(self._next_deadline(looked), farewell))
                await asyncio.wait(
                    (received, found, asked, stopping), timeout=wait, return_when=asyncio.FIRST_COMPLETED
                )
                looked = self.clock()
                events: list[Event] = [TimePassed(looked)]
                if received.done():
                    events += [event for one in received.result() for event in self._understood(one, looked)]
                    received = asyncio.ensure_future(self._channel.receive())
                if found.done():
                    events.append(found.result())
                    found = asyncio.ensure_future(self._look_ups.found())
                self._batches.take(events, looked)
                if asked.done():
                    self._obey(*asked.result())
                    asked = asyncio.ensure_future(self._requests.get())
                self._catch_up()
                if self.state.finished and self._channel.reached:
                    somebody_is_there = self.state.clients.indices.online
                    farewell = min(farewell, self.clock() + FAREWELL_SECONDS) if somebody_is_there else self.clock()
        except Incompatible:
            self._superseded = True
            raise
        finally:
            for future in (received, found, asked, stopping):
                future.cancel()
            await asyncio.wait((received, found, asked, stopping))
            self._turn_away(asked)
            await self._look_ups.close()
            await self._say_goodbye()

    async def _first_received(self) -> Sequence[TransportEvent]:
        await self._channel.connect()
        return await self._channel.receive()

    def _obey(self, event: Event, done: "asyncio.Future[None]") -> None:
        """Step through an order of the operator, and say what became of it."""
        if self._batches.saved([event], self.clock()):
            done.set_result(None)
        else:
            done.set_exception(MfptError("the coordinator cannot save it: is the disk full? Its log says more"))

    def _turn_away(self, asked: "asyncio.Future[tuple[Event, asyncio.Future[None]]]") -> None:
        """Answer the orders that came too late to be carried out."""
        self._ended = True
        waiting = [] if asked.cancelled() else [asked.result()]
        while not self._requests.empty():
            waiting.append(self._requests.get_nowait())
        for _, done in waiting:
            if not done.done():
                done.set_exception(MfptError(ENDING))

    def _next_deadline(self, looked: float) -> float:
        """Return when there is something to do even if nothing is heard: as of `looked`, so that nothing is missed."""
        retry = looked + RETRY_SECONDS if self._batches.has_failed else math.inf
        due = (self._next_status(), self._progress.next_deadline, self._watch.next_deadline, self._rivals.repair_at)
        return min(next_deadline(self.state, looked), retry, *due)

    def _next_status(self) -> float:
        """Return when the status is to be published: soon if it changed, and now and then as long as time passes."""
        return self._status_due if self._shown is not self.state else self._status_due + REFRESH_SECONDS

    def _seconds_until(self, deadline: float) -> float | None:
        """Return how long to wait; None for a deadline that never comes."""
        return None if math.isinf(deadline) else max(0.0, deadline - self.clock())

    def _understood(self, event: TransportEvent, at: float) -> list[Event]:
        """Return what a transport event means to the core."""
        if self._watch.follow(event, at):
            return []
        match event:
            case Connected():
                self._channel.subscribe()
                self._rivals.connected(at)
            case Disconnected(reason):
                self._rivals.lost(at)
                _log.warning("lost the broker (%s); trying again", reason)
            case SubscriptionRefused():
                _log.error("%s: no device is heard there", event)
            case Inbound() if self._rivals.hears(event.topic):
                self._rivals.hear(event, self.state.version, at)
            case Inbound():
                try:
                    return self._intake.understand(event, at)
                except (Damaged, StoreLost):
                    raise
                except (sqlite3.Error, MfptError) as error:
                    self._batches.complaints.failed(str(error), at)
        return []

    def _catch_up(self) -> None:
        """Do what is due: a second after a change, let the disk forget folded updates, then say how it stands."""
        now = self.clock()
        self._watch.act(now, self.state.version)
        if self._rivals.repair_is_due(now):
            self._errands.publish_kept(self.state)
            self._progress.repeat()
            self._shown = None
        self._progress.follow(self.state, now)
        if now >= self._next_status():
            self._say_how_it_stands(now)

    def _say_how_it_stands(self, now: float) -> None:
        try:
            self._store.erase()
        except (sqlite3.Error, MfptError) as error:
            _log.error("folded updates may still be on the disk until the next version: %s", error)
        self._channel.publish_status(self.status())
        self._shown, self._status_due = self.state, now + STATUS_SECONDS

    async def _say_goodbye(self) -> None:
        if not self._superseded:  # the later run must not be announced as gone
            self._say_how_it_stands(self.clock())
            self._channel.publish_state(self.state.version, online=False, finished=self.state.finished)
        await self._channel.close(FLUSH_SECONDS)
