"""The worker thread, seen from the event loop."""

import asyncio

import pytest

from mfpt_edge.session.worker import Cancelled, Worker
from mfpt_shared.errors import MfptError

SECONDS = 10.0


def test_a_job_that_is_cancelled_before_it_begins_never_runs() -> None:
    async def scenario() -> None:
        worker: Worker[str] = Worker()
        ran = []

        async def job() -> str:
            await worker.run(lambda: ran.append("ran"))
            return "done"

        worker.start(job(), lambda error: error)
        worker.cancel_job()
        worker.start(asyncio.sleep(0, "next"), lambda error: error)
        assert await worker.result() == "next"
        assert ran == []
        worker.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_cancelled_job_leaves_the_worker_fit_for_the_next() -> None:
    async def scenario() -> None:
        worker: Worker[str] = Worker()
        await worker.run(lambda: None)
        worker.cancel_job()
        with pytest.raises(Cancelled):
            worker.check_cancelled()
        await worker.run(worker.check_cancelled)
        worker.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_bug_in_a_job_is_told_and_ends_only_the_job() -> None:
    async def scenario() -> None:
        worker: Worker[str] = Worker()

        async def job() -> str:
            return await worker.run(lambda: str(1 // 0))

        worker.start(job(), lambda error: error)
        outcome = await worker.result()
        assert isinstance(outcome, MfptError)
        assert "ZeroDivisionError" in str(outcome)
        assert await worker.run(lambda: "fit") == "fit"
        worker.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_job_that_fails_for_the_machine_says_so_and_a_defect_is_called_unexpected() -> None:
    async def scenario() -> None:
        worker: Worker[str] = Worker()

        async def fail(error: Exception) -> str:
            raise error

        worker.start(fail(MemoryError()), lambda error: error)
        assert str(await worker.result()).startswith("there is too little memory")
        worker.start(fail(ZeroDivisionError("division by zero")), lambda error: error)
        assert str(await worker.result()) == "unexpected ZeroDivisionError: division by zero"
        worker.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
