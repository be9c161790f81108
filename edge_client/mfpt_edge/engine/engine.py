"""The engine of a device: a process that is started when something is to be computed, and ended when nothing is."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mfpt_edge.engine import refusals
from mfpt_edge.engine.messages import (
    Answer,
    Done,
    Failed,
    GoOn,
    Line,
    Load,
    Loaded,
    Progress,
    Question,
    Request,
    Result,
)
from mfpt_edge.engine.owner import Owner
from mfpt_edge.engine.process import EngineEnded, EngineProcess
from mfpt_shared.device.trainer import OnProgress

IDLE_SECONDS: Final = 60.0
"""Time without anything to compute after which the process ends; longer where loading takes longer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What an engine is wanted for.

    Attributes:
        order: What to load.
        owner: Whoever answers questions about it.
        loaded: Called with what is loaded, each time.
    """

    order: bytes
    owner: Owner
    loaded: Callable[[Loaded], None]


class Engine:
    """Runs requests in a child process, one at a time, and holds what one job loads there.

    Attributes:
        peak_bytes: Most memory that any of its processes has held so far.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        idle_seconds: float = IDLE_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            command: Command line whose program calls `service.serve`.
            idle_seconds: Time without a request after which the process ends; it waits at least as long as loading
                took, so that coming back costs at most as much again as waiting.
            environment: Variables of the process; None: those of this one.
        """
        self._command = command
        self._idle_seconds = idle_seconds
        self._environment = environment
        self._calling = threading.Lock()
        self._starting = threading.Lock()
        self._process: EngineProcess | None = None
        self._job: Job | None = None
        self._timer: threading.Timer | None = None
        self._load_seconds = 0.0
        self._is_closed = False
        self.peak_bytes = 0

    @property
    def pid(self) -> int | None:
        """Number of the process; None: there is none now."""
        process = self._process
        return None if process is None else process.pid

    def call(self, job: Job, request: Request | None, on_progress: OnProgress | None = None) -> Result | None:
        """Run a request, and before it load what the job wants, where that is not loaded.

        Args:
            job: What must be loaded.
            request: What to compute; None: nothing else.
            on_progress: Called during the training; whatever it raises stops the training, and is raised here.

        Raises:
            EngineEnded: The process ended.
            MfptError: What failed there.
        """
        with self._calling:
            self._stop_timer()
            try:
                if self._process is None or self._job is not job:
                    self._load(job)
                return None if request is None else self._answer(job, request, on_progress)
            except EngineEnded:
                self._drop()
                raise
            finally:
                self._start_timer()

    def close(self) -> None:
        """End the process, whatever it does, and start none any more; any thread may."""
        with self._starting:
            self._is_closed = True
            process, self._process = self._process, None
        self._stop_timer()
        if process is not None:
            process.end()

    def _load(self, job: Job) -> None:
        again, began = self._job is job, time.monotonic()
        self._drop()
        with self._starting:
            if self._is_closed:
                raise EngineEnded("this device is ending, and trains no more")
            process = self._process = EngineProcess(self._command, self._environment)
        _log.debug("the engine is process %d", process.pid)
        request = Load(job.order, job.owner.is_there(), logging.getLogger().getEffectiveLevel())
        try:
            # What was said once is not said again.
            loaded = self._answer(job, request, None, quietest=logging.ERROR if again else logging.NOTSET)
        except BaseException:
            self._drop()
            raise
        assert isinstance(loaded, Loaded), "that is the answer"
        self._job, self._load_seconds = job, time.monotonic() - began
        job.loaded(loaded)

    def _answer(
        self, job: Job, request: Request, on_progress: OnProgress | None, quietest: int = logging.NOTSET
    ) -> Result:
        process = self._process
        assert process is not None, "a request goes to a running process"
        process.send(request)
        stopped: BaseException | None = None
        while True:
            match process.receive():
                case Line() as line:
                    _say(line, quietest)
                case Question(text):
                    process.send(Answer(job.owner.answer(text)))
                case Progress(share, loss):
                    stopped = _raised_by(on_progress, share, loss)
                    process.send(GoOn(stopped is None))
                case Done(result, peak_bytes):
                    self.peak_bytes = max(self.peak_bytes, peak_bytes)
                    if stopped is not None:
                        raise stopped
                    if isinstance(result, Failed):
                        raise refusals.error_of(result)
                    return result

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _start_timer(self) -> None:
        if self._process is not None and not self._is_closed:
            self._timer = threading.Timer(max(self._idle_seconds, self._load_seconds), self._rest)
            self._timer.daemon = True
            self._timer.start()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _rest(self) -> None:
        """End a process that has had nothing to do, unless it just got something."""
        if self._calling.acquire(blocking=False):
            try:
                if self._timer is threading.current_thread():
                    _log.debug("the engine has nothing to do, and ends until it has")
                    self._drop()
            finally:
                self._calling.release()


def _raised_by(on_progress: OnProgress | None, share: float, loss: float) -> BaseException | None:
    """Return what a callback raises to stop the training; None: it goes on."""
    assert on_progress is not None, "only a training makes progress"
    try:
        on_progress(share, loss)
    except BaseException as error:  # noqa: BLE001 - it is raised once the engine has stopped
        return error
    return None


def _say(line: Line, quietest: int) -> None:
    """Write a line of the engine's log into this process's, as one of details where it is below a level."""
    level = line.level if line.level >= quietest else logging.DEBUG
    logger = logging.getLogger(line.logger)
    if logger.isEnabledFor(level):
        record = logger.makeRecord(line.logger, level, "", 0, "%s", (line.text,), None)
        record.exc_text = line.traceback
        logger.handle(record)
