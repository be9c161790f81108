"""The control socket: orders reach a coordinator that runs, and nobody else's do."""

import asyncio
import errno
import os
import stat
from pathlib import Path

import msgspec
import pytest

from mfpt_coord.core.audit import Actor
from mfpt_coord.server.control import ask, control_socket
from mfpt_coord.server.orders import AnyOrder, AnyReport, ApplyPlan, Devices, Done, ListDevices, Rename, Revoke
from mfpt_shared import control_socket as transport
from mfpt_shared.control_socket import PORT_FILE, SOCKET_FILE, Failed
from mfpt_shared.errors import ConnectionFailed, UsageError
from mfpt_shared.plan import Plan, Task

pytestmark = pytest.mark.network


async def obey(order: AnyOrder, by: Actor) -> AnyReport:
    if isinstance(order, Revoke):
        raise UsageError(f"no device {order.device}")
    return Devices(devices=[]) if isinstance(order, ListDevices) else Done()


def answers(folder: Path, *orders: AnyOrder) -> list[AnyReport]:
    async def scenario() -> list[AnyReport]:
        async with control_socket(folder, obey):
            return [await asyncio.to_thread(ask, folder, order) for order in orders]

    return asyncio.run(asyncio.wait_for(scenario(), 30))


ORDERS = (ListDevices(), Rename(device="d1", name="phone"), Revoke(device="d1"))
EXPECTED = [Devices(devices=[]), Done(), Failed(message="no device d1", exit_code=2)]


def test_orders_are_answered_and_errors_keep_their_exit_code(tmp_path: Path) -> None:
    assert answers(tmp_path, *ORDERS) == EXPECTED


def test_a_folder_with_a_path_too_long_for_a_socket_has_a_port_and_a_token(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    assert answers(folder, *ORDERS) == EXPECTED


def test_a_folder_of_a_file_system_without_sockets_has_a_port_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_socket(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(asyncio, "start_unix_server", no_socket)
    assert answers(tmp_path, *ORDERS) == EXPECTED
    assert not (tmp_path / PORT_FILE).exists()


def test_the_socket_is_the_owners_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with control_socket(tmp_path, obey):
            assert stat.S_IMODE((tmp_path / SOCKET_FILE).stat().st_mode) == 0o600

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert not (tmp_path / SOCKET_FILE).exists()


def test_a_port_is_of_no_use_without_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_SOCKET_PATH", 0)

    async def scenario() -> AnyReport:
        async with control_socket(tmp_path, obey):
            file = tmp_path / PORT_FILE
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            known = msgspec.json.decode(file.read_bytes())
            file.write_bytes(msgspec.json.encode({**known, "token": "guessed"}))
            return await asyncio.to_thread(ask, tmp_path, ListDevices())

    assert asyncio.run(asyncio.wait_for(scenario(), 30)) == Failed(message="the token is wrong")


@pytest.mark.parametrize("line", [b"\n", b"nonsense\n", b'{"order":{"type":"format-disk"}}\n', b"\xff\n", b""])
def test_nonsense_is_answered_and_disturbs_nobody(tmp_path: Path, line: bytes) -> None:
    async def scenario() -> None:
        async with control_socket(tmp_path, obey):
            reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_FILE)
            writer.write(line)
            writer.write_eof()
            assert b'"failed"' in await reader.readline()
            writer.close()
            assert await asyncio.to_thread(ask, tmp_path, ListDevices()) == Devices(devices=[])

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.parametrize("left_over", [False, True], ids=["nothing there", "a socket left behind"])
def test_where_no_coordinator_runs_the_error_says_how_to_start_one(tmp_path: Path, left_over: bool) -> None:
    if left_over:
        (tmp_path / SOCKET_FILE).touch()
    with pytest.raises(ConnectionFailed, match="mfpt-coord serve"):
        ask(tmp_path, ListDevices())


def test_a_folder_with_a_long_path_is_found_by_a_short_link_too(tmp_path: Path) -> None:
    folder, link = tmp_path / ("x" * 100), tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)

    async def scenario() -> AnyReport:
        async with control_socket(folder, obey):
            return await asyncio.to_thread(ask, link, ListDevices())

    assert asyncio.run(asyncio.wait_for(scenario(), 30)) == Devices(devices=[])


def test_a_plan_with_long_labels_is_an_order_like_others(tmp_path: Path) -> None:
    labels = tuple(f"{number:03}{'label' * 40}" for number in range(1000))
    plan = Plan(task=Task(labels=labels))
    assert answers(tmp_path, ApplyPlan(plan=plan)) == [Done()]
