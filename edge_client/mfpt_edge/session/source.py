"""What an event loop waits for again and again, such as the next messages."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Source(Generic[T]):
    """One thing after the other that comes from the same place, the next of which is always awaited."""

    def __init__(self, following: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Begin to wait.

        Args:
            following: Waits for the next thing, and returns it.
        """
        self._following = following
        self._task = asyncio.ensure_future(following())

    @property
    def waiting(self) -> asyncio.Future[T]:
        """What is done once the next thing is here."""
        return self._task

    def taken(self) -> tuple[T, ...]:
        """Return the next thing, if it is here, and wait for the one after it; its errors are raised."""
        if not self._task.done():
            return ()
        come = self._task.result()
        self._task = asyncio.ensure_future(self._following())
        return (come,)

    async def close(self) -> None:
        """Wait no longer."""
        self._task.cancel()
        await asyncio.wait((self._task,))
