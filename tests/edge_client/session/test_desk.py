"""The owner's orders, over a real control socket: what a device shows, what it is told, and how it leaves."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from mfpt_edge.host.pauses import Courtesy, Machine, Pauses
from mfpt_edge.session.conditions import Conditions
from mfpt_edge.session.control import ask, control_socket
from mfpt_edge.session.desk import Desk
from mfpt_edge.session.orders import (
    AnyReport,
    Change,
    DeviceReport,
    Done,
    Leave,
    Left,
    Order,
    Pause,
    Resume,
    ShowDevice,
    ShowSent,
)
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.sent_report import SentReport
from mfpt_edge.storage.settings import Said, Settings
from mfpt_edge.storage.uploaded import Uploaded
from mfpt_shared.control_socket import SOCKET_FILE, Declined
from mfpt_shared.errors import ConnectionFailed, MfptError
from mfpt_shared.folders import owned
from mfpt_shared.languages import LanguageCode

pytestmark = pytest.mark.network
T = TypeVar("T")
ReportT = TypeVar("ReportT", bound=AnyReport)


def desk_in(folder: Path) -> Desk:
    machine = Machine(load=lambda: 0.0, on_battery=lambda: False, clock=lambda: 0.0, wait=lambda _: None)
    uploaded = Uploaded(folder)
    conditions = Conditions(folder, Said(), Courtesy(machine, Pauses(), threads=1), uploaded)
    device = DeviceFolder(folder)
    return Desk(device, device.enrol(LanguageCode("swh")), conditions, uploaded, folder.parent / "cache")


async def told(folder: Path, order: Order, expected: type[ReportT]) -> ReportT:
    return await asyncio.to_thread(ask, folder, order, expected)


def before(folder: Path, scenario: Callable[[Desk], Awaitable[T]]) -> T:
    async def run() -> T:
        with owned(folder, "--state-dir"):
            desk = desk_in(folder)
            async with control_socket(folder, desk.obey):
                return await scenario(desk)

    return asyncio.run(asyncio.wait_for(run(), 30))


async def forever() -> None:
    await asyncio.Event().wait()


def test_a_device_shows_what_it_does_and_what_was_sent(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.shown(Snapshot(language="swh", phase="training", version=3, bytes_up=700))
        report = await told(tmp_path / "d", ShowDevice(), DeviceReport)
        assert (report.language, report.snapshot.version, report.uploaded, report.pause) == ("swh", 3, 700, "")
        assert await told(tmp_path / "d", ShowSent(), SentReport) == SentReport()
        assert stat.S_IMODE((tmp_path / "d" / SOCKET_FILE).stat().st_mode) == 0o600

    before(tmp_path / "d", scenario)


def test_a_device_that_was_paused_says_so_until_it_is_resumed(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str]:
        pauses = []
        for order in (Pause(), Resume()):
            changed = asyncio.create_task(desk.conditions.changed())
            await told(tmp_path / "d", order, Done)
            await changed
            pauses.append((await told(tmp_path / "d", ShowDevice(), DeviceReport)).pause)
        return pauses

    paused, resumed = before(tmp_path / "d", scenario)
    assert "paused" in paused
    assert resumed == ""


def test_settings_that_make_no_sense_are_refused_with_the_exit_code_of_a_mistake(tmp_path: Path) -> None:
    async def scenario(_: Desk) -> int:
        with pytest.raises(Declined) as refused:
            await told(tmp_path / "d", Change(settings=Settings(hours="late")), Done)
        return refused.value.exit_code

    assert before(tmp_path / "d", scenario) == 2


def test_whoever_lets_a_device_leave_hears_that_it_has(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Left, object]:
        DeviceFolder(tmp_path / "d").outbox().put(1, b"update")
        part = asyncio.create_task(desk.until_left(forever()))
        return await told(tmp_path / "d", Leave(), Left), await part

    reported, result = before(tmp_path / "d", scenario)
    assert (reported.updates_waiting, reported.forgotten) == (1, False)
    assert result == reported


def test_a_device_that_is_to_be_forgotten_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Left:
        part = asyncio.create_task(desk.until_left(forever()))
        left = await told(tmp_path / "d", Leave(forget=True), Left)
        await part
        return left

    left = before(tmp_path / "d", scenario)
    assert (left.forgotten, left.coordinator_asked) == (True, False)
    assert not (tmp_path / "d").exists()


def test_a_device_that_ends_as_it_is_told_to_forget_itself_does_so(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Left:
        async def ends() -> None:
            asked.append(asyncio.create_task(desk.obey(Leave(forget=True))))
            await asyncio.sleep(0)

        asked = list[asyncio.Task[AnyReport]]()
        await desk.until_left(ends())
        left = await asked[0]
        assert isinstance(left, Left)
        return left

    assert before(tmp_path / "d", scenario).forgotten
    assert not (tmp_path / "d").exists()


def test_what_ends_by_itself_ends_as_it_would_without_an_owner(tmp_path: Path) -> None:
    async def fails() -> None:
        raise MfptError("no such data")

    async def scenario(desk: Desk) -> None:
        await desk.until_left(fails())

    with pytest.raises(MfptError, match="no such data"):
        before(tmp_path / "d", scenario)


def test_where_no_device_runs_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="mfpt-edge join"):
        ask(tmp_path, ShowDevice(), DeviceReport)
