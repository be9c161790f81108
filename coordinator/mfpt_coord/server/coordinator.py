"""The coordinator's shell: decode, step, commit, publish. It owns the clock and does all the input and output.

Everything that came while the last batch was being handled is one batch: its events are stepped one by one, their
durable effects are committed in one transaction, and only then does anything go on the wire. If the commit fails the
batch has not happened: nothing was acknowledged, and the devices send again.
"""

import asyncio
import contextlib
import itertools
import logging
import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from mfpt_coord.core.effects import Durable, Effect, LookUpDistances, PublishPrompt, SaveFold, SaveUpdate, Send
from mfpt_coord.core.events import ClientSaid, DistancesFound, Event, TimePassed, UpdateArrived
from mfpt_coord.core.machine import step
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.core.relations import pair
from mfpt_coord.core.schedule import next_deadline
from mfpt_coord.core.state import State
from mfpt_coord.core.status import summarise
from mfpt_coord.languages.distances import LookUp
from mfpt_coord.server.store import Store
from mfpt_shared.errors import DecodeError
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import (
    Ack,
    ClientState,
    CoordinatorState,
    EvaluationReport,
    Ready,
    Reject,
    Resync,
    Update,
)
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    PLAN,
    PROMPT,
    parse,
)
from mfpt_shared.transport.base import Connected, Disconnected, Inbound, Transport, Will
from mfpt_shared.transport.base import Event as TransportEvent

STATUS_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
# After the last version the devices evaluate it and say goodbye; those that do not are not waited for longer.
FAREWELL_SECONDS: Final = 30.0

_log = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this coordinator is: its id, kept in the store, and when it started (Unix seconds)."""

    id: str
    started: float


def coordinator_will(federation: str, identity: Identity) -> Will:
    """Return the last will of a coordinator."""
    return Will(COORDINATOR_STATE.path(federation), encode(_coordinator_state(identity, 0, online=False)))


def _coordinator_state(identity: Identity, version: int, *, online: bool) -> CoordinatorState:
    state: Literal["online", "offline"] = "online" if online else "offline"
    return CoordinatorState(state=state, coordinator=identity.id, version=version, started=identity.started)


class Coordinator:
    """Runs one federation."""

    def __init__(
        self, state: State, store: Store, transport: Transport, identity: Identity, *, clock: Clock, look_up: LookUp
    ) -> None:
        """Prepare a coordinator.

        Args:
            state: as the store has it.
            store: where accepted updates and versions are kept.
            transport: with `coordinator_will` as its will.
            identity: of this coordinator.
            clock: Unix seconds.
            look_up: finds language distances.
        """
        self.state = state
        self._store = store
        self._transport = transport
        self._identity = identity
        self._clock = clock
        self._look_up = look_up
        self._found: asyncio.Queue[Event] = asyncio.Queue()
        self._wanted: frozenset[LanguageCode] = frozenset()
        self._look_up_task: asyncio.Task[None] | None = None
        self._unsaved: list[Event] | None = None
        self._status_due = 0.0
        self._status_changed = True
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask `run` to end in order."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until the last version exists and the devices have gone, or `stop` was called."""
        farewell = math.inf
        self.state = replace(self.state, opened=self._clock())
        self._start_look_up(unknown_languages(self.state))
        await self._transport.connect()
        looked = self._clock()
        self._handle([TimePassed(looked)])
        received = asyncio.ensure_future(self._transport.receive())
        found = asyncio.ensure_future(self._found.get())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            while not self._stopping.is_set() and self._clock() < farewell:
                # From the time that was last looked at: what fell due since then is due now.
                again = looked + RETRY_SECONDS if self._unsaved is not None else math.inf
                deadline = min(next_deadline(self.state, looked), self._status_deadline(), again, farewell)
                now = self._clock()
                wait = None if deadline == math.inf else max(0.0, deadline - now)
                await asyncio.wait((received, found, stopping), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                looked = self._clock()
                events: list[Event] = [*(self._unsaved or ()), TimePassed(looked)]
                if received.done():
                    events += [event for inbound in received.result() for event in self._understood(inbound)]
                    received = asyncio.ensure_future(self._transport.receive())
                if found.done():
                    events.append(found.result())
                    found = asyncio.ensure_future(self._found.get())
                self._handle(events)
                self._publish_status()
                if self.state.finished:
                    farewell = self._clock() if self._all_gone() else min(farewell, self._clock() + FAREWELL_SECONDS)
        finally:
            for task in (received, found, stopping, self._look_up_task):
                if task is not None:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
            await self._say_goodbye()

    def _understood(self, event: TransportEvent) -> list[Event]:
        """Return what a transport event means to the core."""
        match event:
            case Connected():
                self._on_connected()
            case Disconnected(reason):
                _log.warning("lost the broker (%s); trying again", reason)
            case Inbound(path, payload):
                try:
                    return self._decoded(path, payload)
                except DecodeError as error:
                    _log.warning("ignored a message on %s: %s", path[:200], error)
        return []

    def _decoded(self, path: str, payload: bytes) -> list[Event]:
        address = parse(path, self.state.plan.federation)
        if not payload or address.topic not in (CLIENT_STATE, CLIENT_UP):
            return []
        now = self._clock()
        match decode(address.topic, payload):
            case Update() as update:
                return [UpdateArrived(now, address.key, update, payload)]
            case ClientState() | Ready() | EvaluationReport() as message:
                return [ClientSaid(now, address.key, message)]
        return []

    def _handle(self, events: Sequence[Event]) -> None:
        """Step through a batch of events, commit, then put on the wire what they call for."""
        before, effects = self.state, list[Effect]()
        after = before
        for event in events:
            try:
                after, more = step(after, event)
            except Exception:  # noqa: BLE001 - the service loop's own guard: one bad event ends nothing
                _log.exception("an event was dropped: %s", type(event).__name__)
                continue
            effects += more
        durable = [effect for effect in effects if isinstance(effect, get_args(Durable))]
        try:
            if durable:
                self._store.commit(durable)
        except sqlite3.Error as error:
            _log.error("nothing was accepted, the state cannot be saved: %s", error)
            # Devices send their updates again, but say only once that they are there.
            self._unsaved = [event for event in events if isinstance(event, ClientSaid | DistancesFound)]
            return
        self._unsaved = None
        self.state = after
        self._status_changed = self._status_changed or after is not before
        # Answers to updates come first, so that a device knows that the versions that follow may hold its own.
        for effect in filter(_is_answer, effects):
            self._put_on_wire(effect)
        # A batch may hold several versions; only the newest goes out, and before anybody is assigned to train from it.
        for language in dict.fromkeys(effect.language for effect in effects if isinstance(effect, PublishPrompt)):
            self._publish_prompt(language)
        for effect in itertools.filterfalse(_is_answer, effects):
            self._put_on_wire(effect)

    def _put_on_wire(self, effect: Effect) -> None:
        match effect:
            case Send(client, message):
                self._transport.publish(CLIENT_DOWN.path(self.state.plan.federation, client), encode(message))
            case LookUpDistances(languages):
                self._start_look_up(languages)
            case SaveFold() as fold:
                _log.info("version %d from %d updates: %s", fold.version, len(fold.updates), self._accuracies())
                self._publish_state()
            case SaveUpdate(update):
                _log.debug(
                    "update %s/%d accepted, staleness %d", update.client, update.header.sequence, update.staleness
                )

    def _on_connected(self) -> None:
        federation = self.state.plan.federation
        self._transport.subscribe(CLIENT_STATE.path(federation), CLIENT_UP.path(federation))
        self._transport.publish(PLAN.path(federation), encode(self.state.plan), retain=True)
        for language in self.state.prompts:
            self._publish_prompt(language)
        self._publish_state()

    def _publish_prompt(self, language: LanguageCode) -> None:
        payload = encode(newest_prompt(self.state, language))
        self._transport.publish(PROMPT.path(self.state.plan.federation, language), payload, retain=True)

    def _publish_state(self, *, online: bool = True) -> None:
        message = _coordinator_state(self._identity, self.state.version, online=online)
        self._transport.publish(COORDINATOR_STATE.path(self.state.plan.federation), encode(message), retain=True)

    def _status_deadline(self) -> float:
        return self._status_due if self._status_changed else math.inf

    def _publish_status(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if at_once or (self._status_changed and now >= self._status_due):
            status = summarise(self.state, self._identity.started, now)
            self._transport.publish(COORDINATOR_STATUS.path(self.state.plan.federation), encode(status), retain=True)
            self._status_changed, self._status_due = False, now + STATUS_SECONDS

    def _accuracies(self) -> str:
        languages = summarise(self.state, self._identity.started, self._clock()).languages
        known = [
            f"{tag} {entry.accuracy:.3f}" for tag, entry in sorted(languages.items()) if entry.accuracy is not None
        ]
        return "validation accuracy " + ", ".join(known) if known else "no accuracies yet"

    def _start_look_up(self, languages: frozenset[LanguageCode]) -> None:
        self._wanted |= languages
        if self._wanted and (self._look_up_task is None or self._look_up_task.done()):
            self._look_up_task = asyncio.create_task(self._look_up_all())

    async def _look_up_all(self) -> None:
        """Look up what is wanted until nothing is; always answer, or those who join would wait for ever."""
        while self._wanted:
            languages, self._wanted = self._wanted, frozenset()
            try:
                found = await self._look_up(languages, self.state.plan.aggregation.metrics)
            except (OSError, ValueError, TypeError):
                _log.exception("language distances could not be looked up")
                found = {}
            self._found.put_nowait(DistancesFound(self._clock(), languages - {UNDETERMINED}, found))

    def _all_gone(self) -> bool:
        return all(client.state == "offline" for client in self.state.clients.values())

    async def _say_goodbye(self) -> None:
        self._publish_state(online=False)
        self._publish_status(at_once=True)
        await self._transport.flush(timeout=5.0)
        await self._transport.close()


def _is_answer(effect: Effect) -> bool:
    return isinstance(effect, Send) and isinstance(effect.message, Ack | Reject | Resync)


def unknown_languages(state: State) -> frozenset[LanguageCode]:
    """Return the languages to look up at a start: an earlier run may have ended before it knew their distances."""
    languages = sorted(state.prompts.keys() - {UNDETERMINED})
    pairs = itertools.combinations(languages, 2)
    if not needs_distances(state.plan.aggregation) or all(pair(*two) in state.relations.distances for two in pairs):
        return frozenset()
    return frozenset(languages)


def with_limit(state: State, folds: int | None) -> State:
    """Return a state that finishes after so many more versions; None: never."""
    return state if folds is None else replace(state, last_version=state.version + folds)
