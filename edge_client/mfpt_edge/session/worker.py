"""The one thread that trains, seen from the event loop."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from mfpt_shared.environment import explained
from mfpt_shared.errors import MfptError

T = TypeVar("T")
EventT = TypeVar("EventT")

_log = logging.getLogger(__name__)


class Cancelled(Exception):
    """The training was asked to end; not an error."""


class Worker(Generic[EventT]):
    """Runs jobs, and hands their outcome, or their failure, to whoever awaits `result`."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="mfpt-trainer")
        self._cancel = threading.Event()
        self._closing = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: asyncio.Queue[EventT | MfptError] = asyncio.Queue()

    async def result(self) -> EventT | MfptError:
        """Return the outcome of the next job to end."""
        return await self._results.get()

    async def run(self, work: Callable[[], T]) -> T:
        """Run a function in the thread, after what is running there, and return its value."""

        def begin() -> T:
            self._cancel.clear()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._executor, begin)

    def start(self, job: Coroutine[Any, Any, EventT], failed: Callable[[MfptError], EventT | MfptError]) -> None:
        """Begin a job that calls `run`.

        Args:
            job: Coroutine whose value is the outcome.
            failed: Turns its error into the outcome.
        """
        task = asyncio.create_task(self._guarded(job, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: job.close())  # one that was cancelled before it began was never awaited

    async def _guarded(
        self, job: Coroutine[Any, Any, EventT], failed: Callable[[MfptError], EventT | MfptError]
    ) -> None:
        try:
            outcome: EventT | MfptError = await job
        except Cancelled:
            return
        except MfptError as error:
            outcome = failed(error)
        except Exception as error:  # noqa: BLE001 - a bug in a job ends the job, not the client
            _log.debug("the traceback of a failed job", exc_info=True)
            outcome = failed(explained(error) or MfptError(f"unexpected {type(error).__name__}: {error}"))
        self._results.put_nowait(outcome)

    def check_cancelled(self, *_: float) -> None:
        """Raise Cancelled if the worker is ending; for progress callbacks in the thread."""
        if self._cancel.is_set() or self._closing.is_set():
            raise Cancelled

    def cancel_job(self) -> None:
        """Stop the running work at its next progress callback; a job that has not begun never runs."""
        self._cancel.set()
        for task in list(self._tasks):
            task.cancel()

    async def drop_jobs(self) -> None:
        """Forget all jobs; what runs in the thread goes on until its next progress callback."""
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def close(self) -> None:
        """Let the thread end at the next progress callback of what it runs."""
        self._closing.set()
        self._executor.shutdown(wait=False, cancel_futures=True)
