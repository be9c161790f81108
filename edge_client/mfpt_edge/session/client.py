"""The edge client's event loop: wait for the broker, the worker or a deadline; step the core; run its effects."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from mfpt_edge.core.deadlines import next_deadline
from mfpt_edge.core.effects import (
    AskForPrompt,
    CancelTraining,
    Carry,
    Effect,
    Exclude,
    Forget,
    KeepPrompt,
    Leave,
    NoteSession,
    Prepare,
    PublishState,
    Refuse,
    Renumber,
    SendReady,
    SendUpdates,
    StopAsking,
    Subscribe,
    Tell,
    Train,
)
from mfpt_edge.core.events import BrokerConnected, BrokerLost, Event, NotSubscribed, TimePassed
from mfpt_edge.core.machine import step
from mfpt_edge.core.state import State
from mfpt_edge.core.wait_words import Place
from mfpt_edge.session.carried import Carried
from mfpt_edge.session.channel import Channel, Listener
from mfpt_edge.session.clock import ClockCheck
from mfpt_edge.session.conditions import Conditions, next_change
from mfpt_edge.session.course import CourseKeeper
from mfpt_edge.session.farewell import Farewell
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.hearing import Hearing
from mfpt_edge.session.known_epoch import KnownEpoch
from mfpt_edge.session.lost_connection import ANYBODY, MEMBER, LostConnection
from mfpt_edge.session.outcome import Outcome
from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.session.prompt_keeper import PromptKeeper
from mfpt_edge.session.sender import Sender
from mfpt_edge.session.sent_updates import forget_damaged, read_update, renumber
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.source import Source
from mfpt_edge.session.standing import Standing
from mfpt_edge.session.status_publisher import Observer, StatusPublisher
from mfpt_edge.session.training_job import TrainingJob
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder, Session
from mfpt_edge.storage.sent_log import SentLog
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.errors import AuthenticationFailed, Incompatible
from mfpt_shared.plan import Plan
from mfpt_shared.transport.base import Connected, Disconnected, Inbound, SubscriptionRefused, Transport
from mfpt_shared.transport.base import Event as TransportEvent

FIT_SECONDS: Final = 5.0
"""Longest time that a device which is interrupted while it listens takes to use what it holds."""

_log = logging.getLogger(__name__)


class EdgeClient:
    """Takes part in one federation with one device.

    Attributes:
        prompts: Prompts that the device holds.
        farewell: What the device says at the end.
        ignored: Numbers of messages that changed nothing, by reason.
    """

    def __init__(
        self,
        folder: DeviceFolder,
        session: Session,
        federation: str,
        transport: Transport,
        *,
        trust: Trust,
        prepare: Callable[[Plan], Trainer],
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
        rounds: int | None = None,
        leave_after: float = 0.0,
        retries: int | None = None,
        conditions: Conditions | None = None,
        observe: Observer = lambda _: None,
    ) -> None:
        """Prepare a client.

        Args:
            folder: State folder of the device, owned by this process.
            session: This run of the device.
            federation: Name of the federation.
            transport: Connection to the broker, with `client_will` as its will.
            trust: Whose word counts as the coordinator's.
            prepare: Loads data and backbone for a plan; runs in the worker thread.
            clock: Unix seconds, by a clock that never jumps.
            wall: Unix seconds, by the clock that people see.
            rounds: Accepted updates after which the device makes no more; None: it goes on.
            leave_after: How long it then listens for what the others still make, at most, seconds.
            retries: Failed attempts to reconnect after which it gives up; None: it never does.
            conditions: When the device may train; None: always.
            observe: Called with a snapshot whenever something changed.
        """
        self._folder = folder
        self._conditions = conditions
        self._outbox = folder.outbox()
        forget_damaged(self._outbox)
        self._clock = clock
        self._state = State(
            session.identity.language,
            rounds_wanted=rounds,
            leave_after=leave_after,
            outbox=self._outbox.sequences(),
            sequence=self._outbox.last_sequence,
            left_over=frozenset(self._outbox.sequences()),
            against=conditions.against if conditions else "",
        )
        self._channel = Channel(transport, federation, session, SentLog(folder.path, wall))
        is_member = trust.key is not None
        self._lost = LostConnection(MEMBER if is_member else ANYBODY, retries)
        self._freshness = Freshness(*(folder.newest_seen() if is_member else (0, 0)), session.number)
        self._hearing = Hearing(Listener(federation, trust, self._freshness), clock=ClockCheck(wall))
        self.ignored = self._hearing.ignored
        place = Place(federation, session.identity.client, is_named_by_hand=not is_member)
        standing = Standing(place, self._state, wall)
        course = CourseKeeper(folder.path, wall)
        self._status = StatusPublisher(self._channel, self._state, clock, observe, standing, course)
        self._disk = PatientDisk(tell=self._status.held_up)
        self._epoch = KnownEpoch(folder, self._disk, self._freshness, is_member=is_member)
        self.farewell = Farewell(self._channel, self._status)
        self.prompts = PromptKeeper(folder, self._disk)
        self._carried = Carried(self._outbox, self._disk)
        self._job = TrainingJob(
            *(session.identity, prepare, folder.path),
            outbox=self._outbox,
            disk=self._disk,
            prompts=self.prompts,
            carried=self._carried,
            status=self._status,
            clock=clock,
        )
        self._sender = Sender(
            *(self._outbox, self._channel, self._disk, session.key), carry=self._carried.add, show=self._status.added_up
        )

    @property
    def snapshot(self) -> Snapshot:
        """What the device is doing."""
        return self._status.snapshot

    async def run(self) -> None:
        """Take part until all rounds are done, the federation ends, or the task is cancelled.

        The transport is connected.

        Raises:
            MfptError: This device cannot take part, and why.
        """
        received, outcome = Source(self._channel.receive), Source(self._job.outcome)
        changed = Source(partial(next_change, self._conditions, self._clock))
        waiting = (received, outcome, changed)
        try:
            while not self._state.ended:
                await asyncio.wait(
                    [source.waiting for source in waiting],
                    timeout=self._seconds_to_wait(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                self._handle(TimePassed(self._clock()))
                for come in received.taken():
                    # One by one: what a message means depends on those before it, a prompt on its plan.
                    for one in come:
                        self._receive(one)
                for event in (*outcome.taken(), *changed.taken()):
                    self._handle(event)
                self._status.tell_if_due()
            await self._report_last_version()
            self._disk.finish()
        except BaseException as error:
            self.farewell.is_excluded = isinstance(error, AuthenticationFailed)
            if isinstance(error, asyncio.CancelledError) and self._state.phase == "done":
                await self._job.fit_to_what_came(FIT_SECONDS)
            self._job.close()
            raise
        finally:
            await self._job.drop()
            await self._disk.close()
            for source in waiting:
                await source.close()
            connected, coordinator = self._state.connected, self._state.coordinator is not None
            await self.farewell.say(connected=connected, coordinator=coordinator)

    async def result(self, *, alone: bool) -> Outcome:
        """Measure on the test examples what the federation was good for, after `run`.

        Args:
            alone: Whether to tune a prompt without the federation as well, for comparison.

        Raises:
            MfptError: The federation ended before this device could take part.
        """
        return await self._job.result(alone=alone)

    def close(self) -> None:
        """Let the worker thread end at the next progress callback of what it runs."""
        self._job.close()

    def _seconds_to_wait(self) -> float | None:
        wait = min(next_deadline(self._state), self._status.next_deadline()) - self._clock()
        return None if wait == math.inf else max(0.0, wait)

    def _receive(self, event: TransportEvent) -> None:
        match event:
            case Connected():
                self._lost.mended()
                self._handle(BrokerConnected(self._clock()))
            case SubscriptionRefused(filters) if self._channel.needs(filters):
                _log.debug("%s", event)  # what it means to the device is told if it lasts
                self._handle(NotSubscribed(self._clock(), filters))
            case Disconnected():
                self._handle(BrokerLost(self._clock()))
                self._lost.note(event, self._clock())
            case Inbound() as inbound:
                at = self._clock()
                understood = self._hearing.take(inbound, self._state.plan, at)
                self._epoch.keep()
                if understood is not None:
                    understood = self._sender.hear(understood, inbound.topic, at, self._hearing)
                if understood is not None:
                    self._handle(understood)

    def _handle(self, event: Event) -> None:
        self._state, effects = step(self._state, event)
        self._status.follow(event, self._state)
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:  # noqa: PLR0912 - one case for each effect, a line or two
        match effect:
            case Prepare(plan):
                for told in self._sender.begin(plan, self._clock()):
                    self._handle(told)
                self._job.load(plan)
            case KeepPrompt(prompt):
                self.prompts.receive(prompt)
            case CancelTraining():
                self._job.cancel()
            case Train(sequence):
                assert self.prompts.newest is not None, "the core trains only from a version that came"
                self._job.train(sequence, self.prompts.newest)
            case Subscribe():
                self._channel.subscribe()
            case AskForPrompt():
                self._channel.ask_for_prompt()
            case StopAsking():
                self._channel.stop_asking()
            case PublishState(at_once):
                self._status.publish(at_once=at_once)
            case SendReady():
                self._freshness.announced(self._channel.send(self._job.announcement()))
            case SendUpdates(sequences):
                self._sender.send(sequences)
            case Forget(sequence):
                self._disk.write(f"the end of update {sequence}", lambda: self._outbox.forget(sequence))
            case Carry(sequence):
                assert self._state.plan is not None, "under no plan nothing leaves"
                self._carried.add_all_of(read_update(self._outbox.payload(sequence)), self._state.plan)
            case Renumber(sequence, new):
                self._disk.write(f"update {new}", partial(renumber, self._outbox, sequence, new))
            case NoteSession(newest):
                self._disk.write("the newest session", partial(self._folder.note_session, newest))
            case Tell(text):
                _log.info("%s", text)
            case Leave():
                pass  # the core has ended, and so does the loop
            case Refuse(reason):
                raise Incompatible(reason)
            case Exclude(reason):
                raise AuthenticationFailed(reason)

    async def _report_last_version(self) -> None:
        """Tell the coordinator how good the last version is."""
        report = await self._job.use_newest()
        if report is not None:
            self._channel.send(report)
