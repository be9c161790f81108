"""An event loop whose clock jumps to the next deadline: hours pass in a moment, the same every time."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

BEGINNING: Final = 1_000_000.0
"""What the clock shows at first, Unix seconds."""


class StandsStill(AssertionError):
    """Nothing would ever happen again."""


class _Jump(selectors.SelectSelector):
    """Passes the time that the loop would wait, instead of waiting."""

    now = BEGINNING

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise StandsStill("everybody waits, and nothing is due")
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs in virtual time, in one thread: work for executors is done in the loop, when its time has passed."""

    def __init__(self, work_seconds: Callable[[], float]) -> None:
        """Begin.

        Args:
            work_seconds: Gives how long the next piece of work in an executor takes.
        """
        self._jump = _Jump()
        self._work_seconds = work_seconds
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the virtual time, Unix seconds."""
        return self._jump.now

    def run_in_executor(  # type: ignore[override]  # the loop's own type allows for types of futures that it never gives
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Do the work in this thread, later."""
        del executor
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            if future.done():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:  # noqa: BLE001 - whoever awaits the work gets its error
                future.set_exception(error)

        self.call_later(self._work_seconds(), work)
        return future


def live(life: Callable[[VirtualLoop], Coroutine[Any, Any, T]], work_seconds: Callable[[], float]) -> T:
    """Run a coroutine in virtual time until it ends."""
    loop = VirtualLoop(work_seconds)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(life(loop))
