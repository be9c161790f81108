"""A device's training: loads a trainer for a plan, runs rounds in the worker thread, and says how they ended."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfpt_edge.core.events import Event, Prepared, Trained, TrainingFailed
from mfpt_edge.session.budget import Budget, budget_for
from mfpt_edge.session.carried import Carried
from mfpt_edge.session.outcome import Outcome, measure
from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.session.prompt_keeper import PromptKeeper
from mfpt_edge.session.status_publisher import StatusPublisher
from mfpt_edge.session.worker import Worker
from mfpt_edge.storage.identity import Identity
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.device.rounds import Round, Rounds
from mfpt_shared.device.trainer import OnProgress, Trainer
from mfpt_shared.errors import MfptError
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import EvaluationReport, Prompt, Ready, Update

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A plan, and what was loaded for it; a budget where it has noise."""

    plan: Plan
    trainer: Trainer
    rounds: Rounds
    budget: Budget | None


class TrainingJob:
    """Everything that a device does with its trainer, one thing at a time, in a thread of its own."""

    def __init__(
        self,
        identity: Identity,
        prepare: Callable[[Plan], Trainer],
        folder: Path,
        *,
        outbox: Outbox,
        disk: PatientDisk,
        prompts: PromptKeeper,
        carried: Carried,
        status: StatusPublisher,
        clock: Callable[[], float],
    ) -> None:
        """Start the thread; nothing is loaded yet.

        Args:
            identity: Identity of the device.
            prepare: Loads data and backbone for a plan; runs in the thread.
            folder: State folder of the device.
            outbox: Takes the updates.
            disk: Writes them.
            prompts: Told which personal prompt to use.
            carried: What the next update brings in of earlier ones.
            status: Told about progress.
            clock: Unix seconds.
        """
        self._identity = identity
        self._prepare = prepare
        self._folder = folder
        self._outbox = outbox
        self._disk = disk
        self._prompts = prompts
        self._status = status
        self._clock = clock
        self._worker: Worker[Event] = Worker()
        self._loaded: _Loaded | None = None
        self._carried = carried

    async def outcome(self) -> Event:
        """Return what the next job to end means to the core.

        Raises:
            MfptError: Data or backbone could not be loaded.
        """
        outcome = await self._worker.result()
        if isinstance(outcome, MfptError):
            raise outcome
        return outcome

    def load(self, plan: Plan) -> None:
        """Begin to load data and backbone for a plan; ends with `Prepared`."""
        self._worker.start(self._load(plan), lambda error: error)

    def train(self, sequence: int, prompt: Prompt) -> None:
        """Begin a round from a prompt; ends with `Trained` or `TrainingFailed`."""
        self._worker.start(self._train(sequence, prompt), lambda error: TrainingFailed(self._clock(), str(error)))

    def cancel(self) -> None:
        """Stop the running round; it ends with nothing."""
        self._worker.cancel_job()

    def announcement(self) -> Ready:
        """Return what the coordinator must know before it assigns; the trainer is loaded."""
        loaded = self._require_loaded()
        return Ready(
            language=self._identity.language,
            examples=loaded.trainer.examples,
            plan=loaded.plan.digest,
            backbone=loaded.trainer.fingerprint,
        )

    async def use_newest(self) -> EvaluationReport | None:
        """Use the newest prompt; return how it did on the held-out examples.

        The value is None where it was tuned on them, and under masks or noise, where nothing that was measured leaves a
        device by itself.
        """
        loaded, prompt = self._loaded, self._prompts.newest
        if loaded is None or prompt is None:
            return None
        personal = await self._worker.run(lambda: loaded.rounds.personal(prompt))
        self._prompts.use(personal, prompt)
        self._status.uses(personal)
        measured = personal.measured
        if not measured.examples:
            return None
        self._status.measured(measured.accuracy)
        if loaded.plan.privacy.is_masked or loaded.budget is not None:
            return None
        return EvaluationReport(
            language=self._identity.language,
            version=prompt.header.version,
            accuracy=measured.accuracy,
            examples=measured.examples,
        )

    async def fit_to_what_came(self, seconds: float) -> None:
        """Fit the own head to the newest prompt that came, where that is soon done; the one in use may be older.

        Args:
            seconds: Longest time to take.
        """
        personal, newest = self._prompts.personal, self._prompts.newest
        if personal is None or newest is None or not personal.share or personal.version == newest.header.version:
            return
        _log.info("fitting this device's head to version %d; Ctrl-C again leaves at once", newest.header.version)
        with contextlib.suppress(MfptError, TimeoutError):
            await asyncio.wait_for(self.use_newest(), seconds)

    async def result(self, *, alone: bool) -> Outcome:
        """Measure on the test examples what the federation was good for.

        Args:
            alone: Whether to tune a prompt without the federation as well.

        Raises:
            MfptError: The federation ended before this device could take part.
        """
        loaded, prompts = self._loaded, self._prompts
        first, newest = prompts.first, prompts.newest
        if loaded is None or first is None or newest is None:
            raise MfptError("the federation ended before this device could take part")
        # As many rounds as the device trained in the federation, whether they were accepted or not.
        rounds = len(self._status.snapshot.losses) if alone else 0
        epochs = loaded.plan.training.epochs_for(loaded.trainer.examples)
        return await self._worker.run(
            lambda: measure(
                loaded.trainer,
                first,
                newest,
                loaded.rounds.personal(newest),
                rounds_alone=rounds,
                epochs=epochs,
                on_progress=self._worker.check_cancelled,
            )
        )

    async def drop(self) -> None:
        """Forget all jobs; what runs in the thread goes on until its next progress callback."""
        await self._worker.drop_jobs()

    def close(self) -> None:
        """Let the thread end at the next progress callback of what it runs."""
        self._worker.close()

    async def _load(self, plan: Plan) -> Event:
        _log.info("plan %s: %d labels, prompt method %s", plan.digest, len(plan.task.labels), plan.prompt.method)
        used = self._outbox.last_sequence
        budget, trainer = await self._worker.run(lambda: (budget_for(self._folder, plan, used), self._prepare(plan)))
        self._prompts.follow(plan)
        identity, share = self._identity, self._prompts.share(plan)
        first = self._prompts.first_round(plan, used)
        rounds = Rounds(identity.client, identity.language, plan, trainer, self._clock, share, first=first)
        self._loaded = _Loaded(plan, trainer, rounds, budget)
        self._status.prepared(trainer.device, trainer.examples)
        if budget is None:
            return Prepared(self._clock())
        self._status.spent(budget.epsilon, plan.privacy.epsilon)
        _log.info("%s", budget.in_words())
        return Prepared(self._clock(), budget.last_number)

    async def _train(self, sequence: int, prompt: Prompt) -> Event:
        rounds, on_progress = self._require_loaded().rounds, self._progress_from_thread()
        carried, give = self._carried.numbers, self._carried.taken()

        def run() -> tuple[Update, Round]:
            give(rounds)
            return rounds.run(sequence, prompt, on_progress)

        update, done = await self._worker.run(run)
        payload = encode(update)
        await self._disk.written(f"update {sequence}", lambda: self._put(sequence, payload, carried))
        self._carried.forget(carried)
        self._prompts.use(done.personal, prompt)
        self._status.trained(done)
        _log_round(done, None if self._require_loaded().plan.privacy.is_masked else len(payload))
        return Trained(self._clock(), sequence)

    def _put(self, sequence: int, payload: bytes, carried: Sequence[int]) -> None:
        """Keep an update, and before it what it gives away; from then on, it stands for those that it carries."""
        loaded = self._require_loaded()
        if loaded.budget is not None:
            loaded.budget.spend(sequence)
            self._status.spent(loaded.budget.epsilon, loaded.plan.privacy.epsilon)
        self._outbox.note_carried(carried, by=sequence)
        self._outbox.put(sequence, payload)

    def _progress_from_thread(self) -> OnProgress:
        loop = asyncio.get_running_loop()

        def report(share: float, loss: float) -> None:
            self._worker.check_cancelled()
            loop.call_soon_threadsafe(self._status.progressed, share, loss)

        return report

    def _require_loaded(self) -> _Loaded:
        assert self._loaded is not None, "the core trains and announces only after `Prepared`"
        return self._loaded


def _log_round(done: Round, size: int | None) -> None:
    """Log a round, with the size of its update in bytes; None: what it takes here is not what will travel."""
    accuracy = "unknown" if done.accuracy is None else f"{done.accuracy:.3f}"
    trained_on = "on all examples" if done.on_all else "without these"
    travels = "" if size is None else f", {size} bytes"
    _log.info(
        "update %d from version %d: accuracy on held-out examples before training %s, training loss %.3f %s%s",
        *(done.sequence, done.version, accuracy, done.loss, trained_on, travels),
    )
