"""A function that blocks runs beside the event loop, and keeps nobody waiting."""

import asyncio
import threading

import pytest

from mfpt_shared.background import in_background


def test_the_value_of_the_function_is_returned() -> None:
    assert asyncio.run(in_background(lambda: 7)) == 7


def test_the_error_of_the_function_is_raised() -> None:
    with pytest.raises(OSError, match="no route"):
        asyncio.run(in_background(_fail))


def _fail() -> None:
    raise OSError("no route")


def test_a_program_that_is_told_to_end_does_not_wait_for_the_function() -> None:
    release, began = threading.Event(), threading.Event()

    def block() -> None:
        began.set()
        release.wait()

    async def scenario() -> None:
        running = asyncio.create_task(in_background(block))
        await asyncio.to_thread(began.wait)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(scenario())
    assert not release.is_set(), "nobody waited for it"
    release.set()
