"""`mfpt-edge doctor` at real federations: what it says, and that it leaves everything as it was."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from mfpt_edge.commands.doctor_view import doctor_table
from mfpt_edge.doctor.examination import Examined
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.folders import owned
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Task, checked
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from support.brokers import embedded, environment
from support.checkups import check_up, levels, line
from support.closed import Closed, closed
from support.federation import coordinating
from support.joining import admit, reach
from support.programs import run

pytestmark = pytest.mark.network

DAY = 86_400.0
PLACES = ("Dodoma", "Mwanza", "Arusha", "Tanga", "Mbeya", "Kigoma", "Lindi", "Iringa", "Songea", "Tabora")
ROWS = [f"Bunge limejadili bajeti ya mji wa {place} leo,politics" for place in PLACES] + [
    f"Timu ya {place} imeshinda mchezo wa mwisho,sports" for place in PLACES
]
PLAN = checked(
    Plan(
        federation="test",
        task=Task(labels=("politics", "sports")),
        backbone=BackboneSpec(fingerprint=f"sha256:{BUNDLED_SHA256}"),
        aggregation=Aggregation(proximity="uniform"),
    )
)
OF_THE_MACHINE = ("Python", "libraries", "backbone", "memory", "state folder", "cache folder", "cache")
ALL = ("login", "broker", "coordinator", "versions", "clock")


def contents(folder: Path) -> dict[str, tuple[bytes, float]]:
    """Return every file of a folder, with what is in it and when it was written."""
    return {
        str(file): (file.read_bytes(), file.stat().st_mtime) for file in sorted(folder.rglob("*")) if file.is_file()
    }


@contextlib.asynccontextmanager
async def member(folder: Path) -> AsyncIterator[tuple[Closed, Path]]:
    """A closed federation, and the state folder of a device that was admitted to it."""
    async with closed(folder / "server") as federation:
        state = folder / "device"
        await admit(state, reach(invitation=await federation.invite()))
        yield federation, state


@pytest.fixture
def server(tmp_path: Path) -> Path:
    (tmp_path / "server").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def in_the_open(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """What is found in an open federation whose clock is a day behind, with data of which one row is empty."""
    folder = tmp_path_factory.mktemp("open")
    data = folder / "sentences.csv"
    data.write_text("\n".join(["text,label", *ROWS, ","]), encoding="utf-8")

    async def scenario() -> Examined:
        async with (
            embedded(folder / "broker") as broker,
            coordinating(folder / "data", PLAN, broker.address, wall=lambda: time.time() - DAY),
        ):
            found = await check_up(folder / "device", str(broker.public_address), data=data)
            assert not (folder / "device").exists()
            return found

    return asyncio.run(scenario())


def test_in_an_open_federation_all_is_looked_at(in_the_open: Examined) -> None:
    assert levels(in_the_open, *ALL) == dict.fromkeys(ALL, "ok") | {"clock": "warning"}
    assert levels(in_the_open, "plan", "data") == {"plan": "ok", "data": "warning"}
    assert in_the_open.exit_code == 0


def test_the_transcript_in_the_guide_is_what_is_printed(in_the_open: Examined) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide-volunteers.md").read_text(encoding="utf-8")
    transcript = next(block for block in re.findall(r"^```text\n(.*?)^```$", guide, re.M | re.S) if "DNS" in block)
    printed = StringIO()
    Console(file=printed, width=100).print(doctor_table(in_the_open))
    assert told_in(transcript) == told_in(printed.getvalue()), printed.getvalue()


def told_in(table: str) -> list[tuple[str, ...]]:
    """Return what a table says of each check, without what differs from machine to machine."""
    lines: list[list[str]] = []
    for row in table.splitlines():
        if found := re.match(r"(ok|warning|failed|skipped) {2,}(\S.*?) {2,}(.*)", row):
            lines.append(list(found.groups()))
        elif row.strip():
            lines[-1][2] += f" {row.strip()}"
    return [(check,) if check in OF_THE_MACHINE else (level, check, masked(found)) for level, check, found in lines]


def masked(text: str) -> str:
    """Return a text without keys, digests, names of hosts, addresses and versions."""
    names = (r"\w+\.example is ", r"[0-9a-f]{4}(-[0-9a-f]{4}){3}", r"[0-9a-f]{16}", r"//\S+", r"\d+(\.\d+)+(:\d+)?")
    return " ".join(re.sub("|".join(names), "", text).split())


def test_a_clock_that_is_off_by_a_day_is_told(in_the_open: Examined) -> None:
    assert "1 day, 0:00:00 ahead of the coordinator's" in line(in_the_open, "clock").found


def test_a_wrong_password_ends_at_the_login_with_exit_code_5(tmp_path: Path) -> None:
    async def scenario() -> Examined:
        async with embedded(tmp_path / "broker", environment(password="right")) as broker:
            wrong = {PASSWORD_VARIABLE: "wrong"}
            return await check_up(tmp_path / "device", str(broker.public_address), environment=wrong)

    found = asyncio.run(scenario())
    assert found.exit_code == 5
    assert levels(found, "port", "login", "coordinator") == {"port": "ok", "login": "failed", "coordinator": "skipped"}
    assert PASSWORD_VARIABLE in line(found, "login").mend


@pytest.mark.slow
def test_an_invitation_is_known_and_as_good_as_before(server: Path) -> None:
    data = server / "sentences.csv"
    data.write_text("\n".join(["text,label", *ROWS]), encoding="utf-8")

    async def scenario() -> tuple[Examined, bool]:
        async with closed(server / "server") as federation:
            line_ = await federation.invite(uses=1)
            found = await check_up(server / "device", invitation=line_, data=data)
            assert federation.coordinator.state.enrolments == {}
            return found, await admit(server / "device", reach(invitation=line_)) is not None

    found, is_admitted = asyncio.run(scenario())
    assert levels(found, "login", "broker", "plan") == {"login": "ok", "broker": "ok", "plan": "skipped"}
    assert "by their own labels" in line(found, "data").found
    assert found.exit_code == 0
    assert is_admitted


@pytest.mark.slow
def test_an_invitation_that_nobody_made_ends_at_the_login(server: Path) -> None:
    async def scenario() -> Examined:
        async with closed(server / "server") as federation:
            return await check_up(server / "device", invitation=federation.line())

    found = asyncio.run(scenario())
    assert (found.exit_code, line(found, "login").mend) == (5, "ask for a new one")


def test_a_member_is_looked_at_as_itself_and_its_folder_stays_as_it_was(server: Path) -> None:
    async def scenario() -> Examined:
        async with member(server) as (_, state):
            before = contents(state)
            found = await check_up(state)
            assert contents(state) == before
            return found

    found = asyncio.run(scenario())
    assert levels(found, *ALL) == dict.fromkeys(ALL, "ok")


@pytest.mark.slow
def test_a_device_that_was_excluded_is_told_so(server: Path) -> None:
    async def scenario() -> Examined:
        async with member(server) as (federation, state):
            (device,) = federation.coordinator.state.enrolments
            await federation.revoke(device)
            return await check_up(state)

    found = asyncio.run(scenario())
    assert found.exit_code == 5
    assert "may have been revoked" in line(found, "login").found + line(found, "login").mend


def test_a_member_that_runs_is_not_disturbed(server: Path) -> None:
    async def scenario() -> Examined:
        async with member(server) as (_, state):
            with owned(state, "--state-dir"):
                return await check_up(state)

    found = asyncio.run(scenario())
    assert levels(found, "port", "login") == {"port": "ok", "login": "skipped"}
    assert "takes part now" in line(found, "login").found
    assert found.exit_code == 0


@pytest.mark.slow
def test_a_mistyped_federation_is_named_with_exit_code_4(tmp_path: Path) -> None:
    async def scenario() -> Examined:
        async with embedded(tmp_path / "broker") as broker:
            return await check_up(tmp_path / "device", str(broker.public_address))

    found = asyncio.run(scenario())
    assert found.exit_code == 4
    assert "no coordinator of federation test is known there" in line(found, "coordinator").found


def test_the_command_ends_with_the_exit_code_of_the_first_failure_and_json_alone_on_stdout(tmp_path: Path) -> None:
    result = run(tmp_path, "mfpt_edge", "doctor", "--broker", "mqtt://broker.invalid", "--lang", "sw", "--json")
    found = json.loads(result.stdout)
    assert result.returncode == found["exit_code"] == 3
    assert {one["level"] for one in found["lines"]} <= {"ok", "warning", "failed", "skipped"}
    assert next(one["check"] for one in found["lines"] if one["level"] == "failed") == "DNS"
    assert list(tmp_path.iterdir()) == []
