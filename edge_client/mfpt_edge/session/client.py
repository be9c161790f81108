"""The edge client's shell: decode, step, run the effects. It owns the clock, and one worker thread for torch."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from mfpt_edge.core.effects import (
    CancelTraining,
    Effect,
    Forget,
    KeepPrompt,
    Leave,
    Prepare,
    PublishState,
    Refuse,
    SendReady,
    SendUpdates,
    Subscribe,
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
from mfpt_edge.session.channel import Link
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.worker import Worker
from mfpt_edge.storage.device_folder import DeviceFolder, Identity
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.device.rounds import Candidate, Rounds
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.errors import BadData, ConnectionFailed, DecodeError, Incompatible, MfptError
from mfpt_shared.plan import Plan, plan_to_json
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import Ack, ClientState, CoordinatorState, EvaluationReport, Prompt, Ready
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import check_layout, dense, layout
from mfpt_shared.transport.base import Connected, Disconnected, Inbound, Transport
from mfpt_shared.transport.base import Event as TransportEvent

FLUSH_SECONDS: Final = 10.0
STATE_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)

Clock = Callable[[], float]
Observer = Callable[[Snapshot], None]


class EdgeClient:
    """Takes part in one federation with one device.

    Attributes:
        snapshot: what the device is doing.
        worker: the thread in which the trainer is used.
        trainer: data and backbone, once they are loaded.
        first: the first prompt that came, None before it.
        newest: the newest prompt that came.
        kept: the prompt that did best on the validation examples so far; see `Rounds.kept`.
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
        _forget_damaged(self._outbox)
        self._identity = identity
        self._link = Link(transport, federation, identity, self._on_traffic)
        self._prepare = prepare
        self._clock = clock
        self._retries = retries
        self._observe = observe
        sequence = self._outbox.last_sequence
        self._state = State(
            identity.language,
            rounds_wanted=rounds,
            outbox=self._outbox.sequences(),
            sequence=sequence,
            first_sequence=sequence + 1,
        )
        self._rounds: Rounds | None = None
        self._prepared_at: float | None = None
        self._state_changed = False
        self._state_due = 0.0
        self._ending: MfptError | None = None
        self._ended = False
        self.snapshot = Snapshot(language=identity.language, rounds_wanted=rounds)
        self.worker: Worker[Event] = Worker()
        self.trainer: Trainer | None = None
        self.first: Prompt | None = None
        self.newest: Prompt | None = None
        self.kept: Candidate | None = None
        self._candidate: tuple[Prompt, bytes]

    @property
    def plan(self) -> Plan | None:
        """The plan that the device follows, once it is known."""
        return self._state.plan

    async def run(self) -> None:
        """Take part until all rounds are done, the federation ends, or `stop` is called. The transport is connected.

        Raises:
            MfptError: this device cannot take part, and why.
        """
        received = asyncio.ensure_future(self._link.receive())
        result = asyncio.ensure_future(self.worker.result())
        try:
            while not self._ended:
                state_due = self._state_due if self._state_changed and self._state.connected else float("inf")
                wait = min(next_deadline(self._state), state_due) - self._clock()
                timeout = None if wait == float("inf") else max(0.0, wait)
                await asyncio.wait((received, result), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                self._handle([TimePassed(self._clock())])
                if received.done():
                    # One by one: what a message means depends on those before it, a prompt on its plan.
                    for inbound in received.result():
                        self._handle(self._understood(inbound))
                    received = asyncio.ensure_future(self._link.receive())
                if result.done():
                    outcome = result.result()
                    if isinstance(outcome, MfptError):
                        raise outcome
                    self._handle([outcome])
                    result = asyncio.ensure_future(self.worker.result())
                self._publish_state_if_due()
            if self._ending is not None:
                raise self._ending
            await self._report_last_version()
        except BaseException:
            self.worker.close()
            raise
        finally:
            await self.worker.drop_jobs()
            for task in (received, result):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._say_goodbye()

    def _understood(self, event: TransportEvent) -> list[Event]:
        match event:
            case Connected():
                self._show(link="connected")
                return [BrokerConnected(self._clock())]
            case Disconnected(reason, attempts):
                self._show(link="reconnecting")
                if attempts == 0:
                    _log.warning("lost the broker (%s); trying again, nothing is lost", reason)
                if self._retries is not None and attempts >= self._retries:
                    self._end(ConnectionFailed(f"the broker is gone ({reason}), {attempts} attempts"))
                return [BrokerLost(self._clock())]
            case Inbound(path) as inbound:
                try:
                    return self._decoded(inbound)
                except MfptError as error:
                    if not self._link.is_plan(path):
                        _log.warning("ignored a message on %s: %s", path[:200], error)
                        return []
                    older = "is this mfpt older than the coordinator's?"
                    self._end(Incompatible(f"the federation's plan cannot be followed: {error}; {older}"))
        return []

    def _decoded(self, inbound: Inbound) -> list[Event]:
        message = self._link.understand(inbound)
        now = self._clock()
        match message:
            case None:
                return []
            case Plan():
                return [PlanReceived(now, message)]
            case Prompt():
                return self._prompt_received(message, inbound.payload, now)
            case CoordinatorState():
                self._show(link="connected" if message.state == "online" else "no coordinator")
                return [CoordinatorSeen(now, message)]
            case _:
                if isinstance(message, Ack):
                    self._show(staleness=message.staleness)
                return [Told(now, message)]  # type: ignore[arg-type]

    def _prompt_received(self, prompt: Prompt, payload: bytes, now: float) -> list[Event]:
        plan, header = self._state.plan, prompt.header
        if plan is not None and header.plan == plan.digest:
            check_layout(dense(prompt.state), layout(plan))
        self._candidate = (prompt, payload)
        return [PromptReceived(now, header.version, header.plan, header.backbone)]

    def _keep_prompt(self) -> None:
        prompt, payload = self._candidate
        self._folder.save_prompt(payload)
        self.first = self.first or prompt
        self.newest = prompt
        self._show(version=prompt.header.version)

    def _handle(self, events: Sequence[Event]) -> None:
        for event in events:
            self._state, effects = step(self._state, event)
            for effect in effects:
                self._do(effect)
        self._show(rounds=self._state.rounds, phase=self._state.phase, seconds_left=self._seconds_left())

    def _seconds_left(self) -> float | None:
        """Return how long the wanted rounds will take yet, if they take as long as those that are done."""
        rounds, wanted = self._state.rounds, self._state.rounds_wanted
        if wanted is None or not rounds or self._prepared_at is None:
            return None
        return (wanted - rounds) * (self._clock() - self._prepared_at) / rounds

    def _do(self, effect: Effect) -> None:  # noqa: PLR0912 - one line or two for each effect
        match effect:
            case Prepare(plan):
                self._folder.save_plan(plan_to_json(plan))
                self.worker.start(self._load(plan), lambda error: error)
            case KeepPrompt():
                self._keep_prompt()
            case CancelTraining():
                self.worker.cancel_job()
            case Train(sequence):
                self.worker.start(
                    self._train(sequence, self.newest), lambda error: TrainingFailed(self._clock(), str(error))
                )
            case Subscribe():
                self._link.subscribe()
            case PublishState(at_once):
                self._state_changed = True
                self._publish_state_if_due(at_once=at_once)
            case SendReady():
                self._send_ready()
            case SendUpdates(sequences):
                for sequence in sequences:
                    self._link.send_update(self._outbox.payload(sequence))
            case Forget(sequence):
                self._outbox.forget(sequence)
            case Tell(text):
                _log.info("%s", text)
            case Leave():
                self._end(None)
            case Refuse(reason):
                self._end(Incompatible(reason))

    def _end(self, error: MfptError | None) -> None:
        self._ended, self._ending = True, error

    async def _load(self, plan: Plan) -> Event:
        _log.info("plan %s: %d labels, prompt method %s", plan.digest, len(plan.task.labels), plan.prompt.method)
        trainer = await self.worker.run(lambda: self._prepare(plan))
        self.trainer = trainer
        identity, own = self._identity, self._own_prompt(plan)
        self._rounds = await self.worker.run(
            lambda: Rounds(identity.client, identity.language, plan, trainer, self._clock, own)
        )
        self._prepared_at = self._clock()
        return Prepared(self._prepared_at)

    async def _train(self, sequence: int, prompt: Prompt | None) -> Event:
        rounds, on_progress = self._rounds, self._progress_from_thread()
        assert rounds is not None and prompt is not None
        update, done = await self.worker.run(lambda: rounds.run(sequence, prompt, on_progress))
        payload = encode(update)
        self._outbox.put(sequence, payload)
        self._keep(rounds.kept)
        accuracy = "unknown" if done.accuracy is None else f"{done.accuracy:.3f}"
        _log.info(
            "update %d from version %d: validation accuracy was %s, training loss is %.3f, %d bytes",
            *(sequence, done.version, accuracy, done.loss, len(payload)),
        )
        accuracies = () if done.accuracy is None else (done.accuracy,)
        self._show(
            losses=(*self.snapshot.losses, done.loss),
            accuracies=(*self.snapshot.accuracies, *accuracies),
            progress=0.0,
        )
        return Trained(self._clock(), sequence)

    def _own_prompt(self, plan: Plan) -> Prompt | None:
        """Return the prompt of its own that the device preferred in an earlier run, if it fits the plan."""
        try:
            return self._folder.own_prompt(plan)
        except BadData as error:
            _log.warning("the prompt that this device had kept is dropped: %s", error)
            self._folder.forget_own_prompt()
            return None

    def _keep(self, kept: Candidate | None) -> None:
        """Note which prompt the device would rather use: its own, or the federation's."""
        self.kept = kept
        if kept is None or kept.origin == "federated" or self.newest is None:
            self._folder.forget_own_prompt()
            return
        header = msgspec.structs.replace(self.newest.header, version=kept.version)
        self._folder.save_own_prompt(encode(Prompt(header, kept.state)))

    def _progress_from_thread(self) -> Callable[[float, float], None]:
        loop = asyncio.get_running_loop()

        def report(share: float, loss: float) -> None:
            self.worker.check_cancelled()
            loop.call_soon_threadsafe(self._on_progress, share, loss)

        return report

    def _on_progress(self, share: float, loss: float) -> None:
        self._show(progress=share, loss=loss)
        self._state_changed = True
        self._publish_state_if_due()

    def _publish_state_if_due(self, *, at_once: bool = False) -> None:
        """Publish the state if it changed, but not more often than people can read."""
        now = self._clock()
        if self._state.connected and self._state_changed and (at_once or now >= self._state_due):
            self._state_changed, self._state_due = False, now + STATE_SECONDS
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
        self._link.publish_state(message)

    def _send_ready(self) -> None:
        plan, trainer = self._state.plan, self.trainer
        assert plan is not None and trainer is not None
        ready = Ready(
            language=self._identity.language, examples=trainer.examples, plan=plan.digest, backbone=trainer.fingerprint
        )
        self._link.send(ready)

    async def _report_last_version(self) -> None:
        """Measure the last version for the coordinator's books."""
        rounds, prompt = self._rounds, self.newest
        if rounds is None or prompt is None:
            return
        measured = await self.worker.run(lambda: rounds.judge(prompt))
        self._keep(rounds.kept)
        if measured.examples:
            self._show(accuracies=(*self.snapshot.accuracies, measured.accuracy))
            report = EvaluationReport(
                language=self._identity.language,
                version=prompt.header.version,
                accuracy=measured.accuracy,
                examples=measured.examples,
            )
            self._link.send(report)

    def _on_traffic(self, up: int, down: int) -> None:
        self._show(bytes_up=up, bytes_down=down)

    async def _say_goodbye(self) -> None:
        if self._state.connected:
            self._state = replace(self._state, phase="done")
            self._publish_state(online=False)
        if not await self._link.close(FLUSH_SECONDS if self._state.connected else 0.0):
            _log.warning("the broker did not confirm everything; what is missing is sent next time")

    def _show(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Snapshot
        self.snapshot = replace(self.snapshot, **changes)
        self._observe(self.snapshot)


def _forget_damaged(outbox: Outbox) -> None:
    """Drop updates that nobody could read, or they would be sent for ever."""
    for sequence in outbox.sequences():
        try:
            decode(CLIENT_UP, outbox.payload(sequence))
        except DecodeError as error:
            _log.warning("update %d in the outbox is damaged and dropped: %s", sequence, error)
            outbox.forget(sequence)
