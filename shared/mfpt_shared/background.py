"""Work that blocks, outside of the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

ValueT = TypeVar("ValueT")


async def in_background(work: Callable[[], ValueT]) -> ValueT:
    """Run a function in a thread of its own, and return its value or raise its error.

    Nobody waits for the thread: where `asyncio.to_thread` would keep a program that was told to end alive until the
    function returns, this one is given up.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[ValueT] = loop.create_future()

    def settle(error: BaseException | None, value: ValueT | None) -> None:
        if outcome.done():
            return  # it was given up
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(value)  # type: ignore[arg-type]  # without an error there is a value

    def run() -> None:
        error, value = None, None
        try:
            value = work()
        except BaseException as raised:  # noqa: BLE001 - whoever waits gets it
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, error, value)

    threading.Thread(target=run, daemon=True).start()
    return await outcome
