"""The edge client's shell: decode, step, run the effects. It owns the clock, and one worker thread for torch."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from mfpt_edge.core.effects import (
    Effect,
    Forget,
    Leave,
    Prepare,
    PublishState,
    Refuse,
    SendReady,
    SendUpdates,
    Tell,
    Train,
)
from mfpt_edge.core.events import (
    BrokerConnected,
    BrokerLost,
    CoordinatorSeen,
    Event,
    PlanReceived,
    Prepared,
    PromptReceived,
    TimePassed,
    Told,
    Trained,
    TrainingFailed,
)
from mfpt_edge.core.machine import next_deadline, step
from mfpt_edge.core.state import State
from mfpt_edge.device import DeviceFolder, Identity
from mfpt_edge.report import Snapshot
from mfpt_shared.codec import decode, encode
from mfpt_shared.errors import ConnectionFailed, DecodeError, Incompatible, MfptError, TimedOut
from mfpt_shared.messages import (
    Ack,
    ClientState,
    CoordinatorState,
    EvaluationReport,
    Metrics,
    Prompt,
    Ready,
    Update,
    UpdateHeader,
)
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import PromptState, check_layout, clip_norm, dense, difference, layout, quantise_with_feedback
from mfpt_shared.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, PLAN, PROMPT, parse
from mfpt_shared.trainer import Trainer
from mfpt_shared.transport import Connected, Disconnected, Inbound, Transport, Will
from mfpt_shared.transport import Event as TransportEvent

FLUSH_SECONDS: Final = 10.0
PROGRESS_SECONDS: Final = 2.0
# MQTT's fixed header, topic length and packet id, for a payload of a few kilobytes.
PACKET_OVERHEAD: Final = 7

_log = logging.getLogger(__name__)

Clock = Callable[[], float]
Observer = Callable[[Snapshot], None]


class Cancelled(Exception):
    """The training was cancelled."""


def client_will(federation: str, identity: Identity) -> Will:
    """Return the last will of a device."""
    return Will(
        CLIENT_STATE.path(federation, identity.client), encode(ClientState(state="offline", language=identity.language))
    )


class EdgeClient:
    """Takes part in one federation with one device.

    Attributes:
        snapshot: what the device is doing.
        trainer: data and backbone, once they are loaded.
        first: the first prompt that came, None before it.
        newest: the newest prompt that came.
    """

    def __init__(
        self,
        folder: DeviceFolder,
        identity: Identity,
        federation: str,
        transport: Transport,
        *,
        prepare: Callable[[Plan], Trainer],
        clock: Clock,
        rounds: int | None = None,
        retries: int | None = None,
        observe: Observer = lambda _: None,
    ) -> None:
        """Prepare a client.

        Args:
            folder: of the device, owned by this process.
            identity: of the device.
            federation: name.
            transport: with `client_will` as its will.
            prepare: loads data and backbone for a plan; runs in the worker thread.
            clock: Unix seconds.
            rounds: leave after so many accepted updates; None: stay.
            retries: give up after so many failed attempts to reconnect; None: never.
            observe: called with a snapshot whenever something changed.
        """
        self._folder = folder
        self._outbox = folder.outbox()
        self._identity = identity
        self._federation = federation
        self._transport = transport
        self._prepare = prepare
        self._clock = clock
        self._retries = retries
        self._observe = observe
        sequence = max([identity.sequence, *self._outbox.sequences()])
        self._state = State(
            identity.language,
            rounds_wanted=rounds,
            outbox=self._outbox.sequences(),
            sequence=sequence,
            first_sequence=sequence + 1,
        )
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="mfpt-trainer")
        self._results: asyncio.Queue[Event | MfptError] = asyncio.Queue()
        self._cancel = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._residual: PromptState | None = None
        self._progress_due = 0.0
        self._ending: MfptError | None = None
        self._ended = False
        self.snapshot = Snapshot(language=identity.language, rounds_wanted=rounds)
        self.trainer: Trainer | None = None
        self.first: Prompt | None = None
        self.newest: Prompt | None = None

    @property
    def plan(self) -> Plan | None:
        """The plan that the device follows, once it is known."""
        return self._state.plan

    async def run(self) -> None:
        """Take part until all rounds are done, the federation ends, or `stop` is called. The transport is connected.

        Raises:
            MfptError: this device cannot take part, and why.
        """
        received = asyncio.ensure_future(self._transport.receive())
        result = asyncio.ensure_future(self._results.get())
        try:
            while not self._ended:
                wait = next_deadline(self._state) - self._clock()
                timeout = None if wait == float("inf") else max(0.0, wait)
                await asyncio.wait((received, result), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                events: list[Event] = [TimePassed(self._clock())]
                if received.done():
                    events += [event for inbound in received.result() for event in self._understood(inbound)]
                    received = asyncio.ensure_future(self._transport.receive())
                if result.done():
                    outcome = result.result()
                    if isinstance(outcome, MfptError):
                        raise outcome
                    events.append(outcome)
                    result = asyncio.ensure_future(self._results.get())
                self._handle(events)
            if self._ending is not None:
                raise self._ending
            await self._report_last_version()
        except BaseException:
            self._cancel.set()
            raise
        finally:
            for task in (received, result, *self._tasks):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._say_goodbye()

    async def work(self, job: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the job returns
        """Run something that uses the trainer in the worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    def check_cancelled(self, *_: float) -> None:
        """Raise Cancelled if the client is ending; for progress callbacks in the worker thread."""
        if self._cancel.is_set():
            raise Cancelled

    def _understood(self, event: TransportEvent) -> list[Event]:
        match event:
            case Connected():
                self._show(link="connected")
                self._subscribe()
                return [BrokerConnected(self._clock())]
            case Disconnected(reason, attempts):
                self._show(link="reconnecting")
                if attempts == 0:
                    _log.warning("lost the broker (%s); trying again, nothing is lost", reason)
                if self._retries is not None and attempts >= self._retries:
                    self._ended, self._ending = (
                        True,
                        ConnectionFailed(f"the broker is gone ({reason}) after {attempts} attempts"),
                    )
                return [BrokerLost(self._clock())]
            case Inbound(path, payload):
                self._show(bytes_down=self.snapshot.bytes_down + len(path) + len(payload) + PACKET_OVERHEAD)
                try:
                    return self._decoded(path, payload)
                except (DecodeError, MfptError) as error:
                    _log.warning("ignored a message on %s: %s", path[:200], error)
        return []

    def _subscribe(self) -> None:
        name, client = self._federation, self._identity.client
        # In this order: the plan says how to read a prompt, and the coordinator's state what to do next.
        for topic in (
            PLAN.path(name),
            PROMPT.path(name, self._identity.language),
            CLIENT_DOWN.path(name, client),
            COORDINATOR_STATE.path(name),
        ):
            self._transport.subscribe(topic)

    def _decoded(self, path: str, payload: bytes) -> list[Event]:
        if not payload:
            return []
        message = decode(parse(path, self._federation).topic, payload)
        now = self._clock()
        match message:
            case Plan():
                self._folder.save_plan(payload)
                return [PlanReceived(now, message)]
            case Prompt():
                return self._prompt_received(message, payload, now)
            case CoordinatorState():
                self._show(link="connected" if message.state == "online" else "no coordinator")
                return [CoordinatorSeen(now, message)]
            case _:
                if isinstance(message, Ack):
                    self._show(staleness=message.staleness)
                return [Told(now, message)]  # type: ignore[arg-type]

    def _prompt_received(self, prompt: Prompt, payload: bytes, now: float) -> list[Event]:
        plan = self._state.plan
        header = prompt.header
        if plan is not None and header.plan == plan.digest and header.backbone == plan.backbone.fingerprint:
            check_layout(dense(prompt.state), layout(plan))
            self._folder.save_prompt(payload)
            self.first = self.first or prompt
            self.newest = prompt
            self._show(version=header.version)
        return [PromptReceived(now, header.version, header.plan, header.backbone)]

    def _handle(self, events: Sequence[Event]) -> None:
        for event in events:
            self._state, effects = step(self._state, event)
            for effect in effects:
                self._do(effect)
        self._show(rounds=self._state.rounds, phase=self._state.phase)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Prepare(plan):
                self._start(self._load(plan), lambda error: error)
            case Train(sequence):
                self._start(self._train(sequence), lambda error: TrainingFailed(self._clock(), str(error)))
            case PublishState():
                self._publish_state()
            case SendReady():
                self._send_ready()
            case SendUpdates(sequences):
                for sequence in sequences:
                    self._publish(
                        CLIENT_UP.path(self._federation, self._identity.client), self._outbox.payload(sequence)
                    )
            case Forget(sequence):
                self._outbox.forget(sequence)
            case Tell(text):
                _log.info("%s", text)
            case Leave():
                self._ended = True
            case Refuse(reason):
                self._ended, self._ending = True, Incompatible(reason)

    def _start(self, job: Coroutine[Any, Any, Event], failed: Callable[[MfptError], Event | MfptError]) -> None:
        """Run a job beside the loop; what comes of it, or of its failure, is handled like everything that happens."""

        async def run() -> None:
            try:
                outcome: Event | MfptError = await job
            except Cancelled:
                return
            except MfptError as error:
                outcome = failed(error)
            except Exception as error:  # noqa: BLE001 - the service loop's own guard: a bug in a job ends it, not the client
                _log.debug("the traceback of a failed job", exc_info=True)
                outcome = failed(MfptError(f"unexpected {type(error).__name__}: {error}"))
            self._results.put_nowait(outcome)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self, plan: Plan) -> Event:
        _log.info("plan %s: %d labels, prompt method %s", plan.digest, len(plan.task.labels), plan.prompt.method)
        self.trainer = await self.work(lambda: self._prepare(plan))
        return Prepared(self._clock())

    async def _train(self, sequence: int) -> Event:
        """Measure the newest prompt, train from it, and put the update in the outbox."""
        plan, trainer, prompt = self._state.plan, self.trainer, self.newest
        assert plan is not None and trainer is not None and prompt is not None
        start, began, on_progress = dense(prompt.state), self._clock(), self._progress_from_thread()
        self._folder.use_sequence(sequence)
        measured = await self.work(lambda: trainer.validate(start))
        tuned = await self.work(
            lambda: trainer.tune(start, epochs=plan.training.epochs, seed=self._seed(sequence), on_progress=on_progress)
        )
        delta = clip_norm(difference(tuned.state, start), plan.privacy.clip_norm)
        packed, self._residual = quantise_with_feedback(delta, self._residual)
        known = measured.examples > 0
        header = UpdateHeader(
            sequence=sequence,
            language=self._identity.language,
            base_version=prompt.header.version,
            examples=trainer.examples,
            plan=plan.digest,
            backbone=trainer.fingerprint,
            metrics=Metrics(loss=tuned.loss, accuracy=measured.accuracy if known else None),
            seconds=max(0.0, self._clock() - began),
        )
        payload = encode(Update(header, packed))
        self._outbox.put(sequence, payload)
        accuracy = f"{measured.accuracy:.3f}" if known else "unknown"
        _log.info(
            "update %d from version %d: validation accuracy was %s, training loss is %.3f, %d bytes",
            *(sequence, prompt.header.version, accuracy, tuned.loss, len(payload)),
        )
        accuracies = (*self.snapshot.accuracies, measured.accuracy) if known else self.snapshot.accuracies
        self._show(losses=(*self.snapshot.losses, tuned.loss), accuracies=accuracies, progress=0.0)
        return Trained(self._clock(), sequence)

    def _seed(self, sequence: int) -> int:
        return int(self._identity.client, 16) ^ sequence

    def _progress_from_thread(self) -> Callable[[float, float], None]:
        loop = asyncio.get_running_loop()

        def report(share: float, _loss: float) -> None:
            self.check_cancelled()
            loop.call_soon_threadsafe(self._on_progress, share)

        return report

    def _on_progress(self, share: float) -> None:
        self._show(progress=share)
        if self._clock() >= self._progress_due:
            self._progress_due = self._clock() + PROGRESS_SECONDS
            self._publish_state()

    def _publish_state(self, *, online: bool = True) -> None:
        message = ClientState(
            state="online" if online else "offline",
            language=self._identity.language,
            phase=self._state.phase,
            progress=self.snapshot.progress if self._state.phase == "training" else 0.0,
            version=self._state.version or 0,
            device=self.trainer.device if self.trainer is not None else "",
        )
        self._publish(CLIENT_STATE.path(self._federation, self._identity.client), encode(message), retain=True)

    def _send_ready(self) -> None:
        plan, trainer = self._state.plan, self.trainer
        assert plan is not None and trainer is not None
        ready = Ready(
            language=self._identity.language, examples=trainer.examples, plan=plan.digest, backbone=trainer.fingerprint
        )
        self._publish(CLIENT_UP.path(self._federation, self._identity.client), encode(ready))

    async def _report_last_version(self) -> None:
        """Measure the last version for the coordinator's books."""
        trainer, prompt = self.trainer, self.newest
        if trainer is None or prompt is None:
            return
        measured = await self.work(lambda: trainer.validate(dense(prompt.state)))
        if measured.examples:
            self._show(accuracies=(*self.snapshot.accuracies, measured.accuracy))
            report = EvaluationReport(
                language=self._identity.language,
                version=prompt.header.version,
                accuracy=measured.accuracy,
                examples=measured.examples,
            )
            self._publish(CLIENT_UP.path(self._federation, self._identity.client), encode(report))

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._show(bytes_up=self.snapshot.bytes_up + len(topic) + len(payload) + PACKET_OVERHEAD)
        self._transport.publish(topic, payload, retain=retain)

    async def _say_goodbye(self) -> None:
        if self._state.connected:
            self._state = replace(self._state, phase="done")
            self._publish_state(online=False)
            if not await self._transport.flush(FLUSH_SECONDS):
                _log.warning("the broker did not confirm everything; what is missing is sent next time")
        await self._transport.close()

    def _show(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Snapshot
        self.snapshot = replace(self.snapshot, **changes)
        self._observe(self.snapshot)

    def close(self) -> None:
        """End the worker thread; a training that runs is cancelled."""
        self._cancel.set()
        self._worker.shutdown(wait=True)


async def connect_with_retries(
    transport: Transport, retries: int | None, sleep: Callable[[float], Coroutine[Any, Any, None]]
) -> None:
    """Connect, with pauses that double from half a second to thirty.

    Args:
        transport: to connect.
        retries: attempts after the first; None: without end.
        sleep: waits some seconds.

    Raises:
        ConnectionFailed: all attempts failed; the last reason.
        TimedOut: likewise.
        AuthenticationFailed: at once, trying again would not help.
    """
    attempt = 0
    while True:
        try:
            await transport.connect()
        except (ConnectionFailed, TimedOut) as error:
            attempt += 1
            if retries is not None and attempt > retries:
                kind = type(error)
                raise kind(
                    f"{error} ({attempt} attempts); is `mfpt-coord serve` running there? --retry forever keeps trying"
                ) from error
            pause = min(30.0, 0.5 * 2 ** (attempt - 1))
            if attempt == 1:
                _log.info("%s; trying again", error)
            await sleep(pause)
        else:
            return
