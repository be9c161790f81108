"""What becomes of a coordinator whose state cannot be saved: it waits for what passes, and ends at what does not."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from mfpt_coord.core.events import DeviceRevoked, Invited
from mfpt_coord.server.complaints import REPEAT_SECONDS, Complaints
from mfpt_coord.server.coordinator import Coordinator
from mfpt_shared.errors import Damaged, MfptError
from support.admitting import invitation
from support.brokers import embedded
from support.federation import coordinating, rows, tiny_plan

Scenario = Callable[[Coordinator, "asyncio.Task[None]"], Awaitable[None]]

network = pytest.mark.network


def coordinating_on(folder: Path, scenario: Scenario) -> None:
    async def run() -> None:
        async with (
            embedded(folder / "broker") as broker,
            coordinating(folder, tiny_plan(), broker.address) as (coordinator, task),
        ):
            await scenario(coordinator, task)

    asyncio.run(asyncio.wait_for(run(), 60))


def an_order() -> Invited:
    return Invited(time.time(), invitation(), "secret")


@network
def test_a_coordinator_goes_on_when_another_program_lets_go_of_its_database(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(coordinator: Coordinator, task: "asyncio.Task[None]") -> None:
        with closing(sqlite3.connect(tmp_path / "coordinator.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(MfptError, match="cannot save"):
                await coordinator.apply(an_order())
        await coordinator.apply(an_order())
        assert not task.done()

    with caplog.at_level(logging.WARNING):
        coordinating_on(tmp_path, scenario)
    assert rows(tmp_path, "SELECT count(*) FROM invitations") == [(1,)]
    assert "locked by another program" in caplog.text
    assert "can be saved again" in caplog.text


@network
def test_a_coordinator_that_has_nothing_to_save_does_not_say_that_it_can_save_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(coordinator: Coordinator, _: "asyncio.Task[None]") -> None:
        with closing(sqlite3.connect(tmp_path / "coordinator.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(MfptError, match="cannot save"):
                await coordinator.apply(an_order())
            await coordinator.apply(DeviceRevoked(time.time(), "nobody"))
            assert "can be saved again" not in caplog.text

    with caplog.at_level(logging.WARNING):
        coordinating_on(tmp_path, scenario)
    assert "locked by another program" in caplog.text


@network
def test_a_coordinator_ends_when_its_database_is_damaged_and_says_what_to_do(tmp_path: Path) -> None:
    async def scenario(coordinator: Coordinator, task: "asyncio.Task[None]") -> None:
        with (tmp_path / "coordinator.sqlite").open("r+b") as file:
            file.seek(2 * 4096)
            file.write(b"\xff" * 40 * 4096)
        with pytest.raises(MfptError):
            await coordinator.apply(an_order())
        with pytest.raises(Damaged, match="mfpt-coord db restore"):
            await task

    with pytest.raises(Damaged):
        coordinating_on(tmp_path, scenario)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().rpartition(": ")[2] for record in caplog.records]


def test_the_log_does_not_repeat_a_reason_every_second(caplog: pytest.LogCaptureFixture) -> None:
    log = Complaints()
    for second in range(round(REPEAT_SECONDS) + 1):
        log.failed("full", second)
    log.failed("read-only", REPEAT_SECONDS + 1)
    assert complaints(caplog) == ["full", "full", "read-only"]


def test_the_log_says_once_that_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    log = Complaints()
    log.succeeded()
    log.failed("full", 0.0)
    log.succeeded()
    log.succeeded()
    log.failed("full", 1.0)
    assert complaints(caplog) == ["full", "the state can be saved again", "full"]
