"""The volunteer's page, asked by HTTP: who is let in, and what becomes of what is asked."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.examples_file import ExamplesFile, chosen
from mfpt_edge.storage.settings import Settings, read_settings
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.address import BrokerAddress
from support.inbox import SECONDS
from support.sealing import key_of
from support.volunteers_page import Beginnings, Browser, opened

pytestmark = pytest.mark.network

SWAHILI: Final = LanguageCode("swh")
AT: Final = "radio/swh"
LINE: Final = InvitationLine(
    (BrokerAddress("radio.example", 8883, "mqtts"),),
    "radio",
    encoded(bytes(8)),
    encoded(bytes(16)),
    key_of("coordinator").public,
    SWAHILI,
)


def with_page(
    home: Path,
    scenario: Callable[[Browser], Awaitable[None]],
    begin: Beginnings | None = None,
    seconds: float = SECONDS,
) -> None:
    async def served() -> None:
        async with opened(home, begin) as browser:
            browser.seconds = seconds
            await scenario(browser)

    asyncio.run(asyncio.wait_for(served(), seconds))


def device(home: Path) -> Path:
    """Return the folder of a device that does not run."""
    folder = home / "radio" / "swh"
    folder.mkdir(parents=True, mode=0o700)
    DeviceFolder(folder).enrol(SWAHILI)
    return folder


def test_the_page_and_all_its_files_come_to_who_has_come_in(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        index = await browser.asks("GET", "/")
        assert index.status == 200
        assert b'src="/files/page.js"' in index.body
        for name in ("page.js", "kit.css", "dom.js"):
            assert (await browser.asks("GET", f"/files/{name}")).status == 200
        again = await browser.asks("GET", "/files/kit.css", headers={"if-none-match": '"another"'})
        assert again.status == 200
        known = {"if-none-match": again.headers["etag"]}
        assert (await browser.asks("GET", "/files/kit.css", headers=known)).status == 304
        assert (await browser.asks("GET", "/files/..%2Fserver.py")).status == 404

    with_page(tmp_path, scenario)


def test_a_wrong_token_a_foreign_host_and_a_foreign_origin_are_refused(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        assert (await browser.asks("GET", "/api/state", headers={"cookie": ""})).status == 401
        assert (await browser.asks("GET", "/?token=wrong", headers={"cookie": ""})).status == 401
        assert (await browser.asks("GET", "/api/state", headers={"host": "evil.example"})).status == 421
        assert (await browser.asks("POST", "/api/pause", b"{}", {"origin": "https://evil.example"})).status == 403
        assert (await browser.asks("GET", "/api/events", headers={"sec-fetch-site": "cross-site"})).status == 403
        assert (await browser.asks("POST", "/api/pause", b"x" * 70_000)).status == 413

    with_page(tmp_path, scenario)


def test_an_invitation_is_read_and_what_is_wrong_with_it_is_said(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        wrong = await browser.posts("/api/invitation", line="mfpt://nonsense")
        said = (await browser.posts("/api/invitation", line=f" {LINE} ")).json

        assert wrong.status == 400
        assert "not an invitation" in wrong.json["error"]
        assert (said["federation"], said["server"], said["at"]) == ("radio", "radio.example", AT)
        assert said["language_name"] == "Swahili"
        assert not said["is_member"]

    with_page(tmp_path, scenario)


def test_joining_begins_with_the_invitation_the_settings_and_the_file_that_were_given(tmp_path: Path) -> None:
    begin = Beginnings()

    async def scenario(browser: Browser) -> None:
        examples = tmp_path / "radio" / "swh" / "examples"
        examples.mkdir(parents=True)
        (examples / "a1.csv").write_text("text,label\n")
        (examples / "chosen.json").write_text('{"file":"a1.csv","called":"mine.csv","bytes":11}')
        settings = {"hours": "22-6", "on_battery": "pause"}
        answer = await browser.posts("/api/join", at=AT, line=str(LINE), settings=settings)

        assert answer.json["device"]["running"] == "starting"
        (wish,) = begin.wishes
        assert (wish.federation, wish.language, wish.invitation) == ("radio", SWAHILI, LINE)
        assert wish.examples == examples / "a1.csv"
        assert read_settings(wish.folder) == Settings(hours="22-6", on_battery="pause")
        assert (await browser.posts("/api/join", at=AT, line=str(LINE))).status == 409, "it takes part already"

    with_page(tmp_path, scenario, begin)


def test_why_a_device_could_not_go_on_is_told_and_it_can_be_started_again(tmp_path: Path) -> None:
    begin = Beginnings()
    device(tmp_path)

    async def scenario(browser: Browser) -> None:
        await browser.posts("/api/join", at=AT)
        begin.endings.put_nowait(ConnectionFailed("nobody answers at radio.example"))
        while (shown := (await browser.gets(f"/api/state?at={AT}"))["device"])["running"] != "no":
            pass
        assert shown["problem"] == {"error": "nobody answers at radio.example", "kind": "ConnectionFailed"}
        assert (await browser.posts("/api/join", at=AT)).json["device"]["running"] == "starting"

    with_page(tmp_path, scenario, begin)


def test_a_device_that_was_not_invited_cannot_be_started(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        answer = await browser.posts("/api/join", at=AT)
        assert answer.status == 400
        assert "invited" in answer.json["error"]

    with_page(tmp_path, scenario)


def test_a_device_that_does_not_run_finds_its_settings_when_it_starts(tmp_path: Path) -> None:
    folder = device(tmp_path)

    async def scenario(browser: Browser) -> None:
        settings = {"hours": "9:30-17", "max_upload": 5_000_000}
        assert (await browser.posts("/api/settings", at=AT, settings=settings)).status == 200
        assert (await browser.posts("/api/pause", at=AT)).status == 200
        assert read_settings(folder) == Settings(paused=True, hours="9:30-17", max_upload=5_000_000)
        await browser.posts("/api/resume", at=AT)
        assert not read_settings(folder).paused
        assert (await browser.posts("/api/settings", at=AT, settings={"hours": "25-1"})).status == 400

    with_page(tmp_path, scenario)


def test_leaving_for_good_removes_what_a_stopped_device_keeps(tmp_path: Path) -> None:
    folder = device(tmp_path)

    async def scenario(browser: Browser) -> None:
        answer = await browser.posts("/api/leave", at=AT, forget=True)
        assert answer.json == {"devices": [], "device": None}
        assert not folder.exists()

    with_page(tmp_path, scenario)


def test_no_name_of_a_device_leads_out_of_the_folder_of_devices(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        for at in ("../..", "radio/..", "radio/../../x", "/etc", "here", "radio/xyzw", "Radio/swh"):
            assert (await browser.posts("/api/no-file", at=at)).status == 400
        for path in ("/api/pause", "/api/leave", "/api/join", "/api/look"):
            assert (await browser.posts(path, at="../..")).status == 400

    with_page(tmp_path, scenario)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_file_is_kept_for_its_owner_alone_and_shown_as_it_would_be_read(tmp_path: Path) -> None:
    table = "text,label\n" + "".join(f"sentence number {n},{'good' if n % 2 else 'bad'}\n" for n in range(40))

    async def scenario(browser: Browser) -> None:
        path = f"/api/file?at={AT}&language=swh&name=my%20sentences.csv"
        looked = (await browser.asks("POST", path, table.encode())).json
        folder = tmp_path / "radio" / "swh"
        given = chosen(folder)
        assert given == ExamplesFile(file=looked["file"]["file"], called="my sentences.csv", bytes=len(table))
        kept = folder / "examples" / given.file
        assert kept.read_text() == table
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert (
            sum(looked["summary"]["counts"]["train"].values()) + sum(looked["summary"]["counts"]["test"].values()) == 40
        )
        assert str(folder) not in str(looked)
        sheet = (await browser.asks("POST", path.replace(".csv", ".xlsx"), b"PK")).json
        assert "a spreadsheet: save the sheet as CSV" in sheet["problem"]["error"]
        assert sheet["problem"]["error"].startswith("my sentences.xlsx")
        assert not kept.exists(), "only the newest is kept"

    with_page(tmp_path, scenario, seconds=120)


def test_a_file_without_a_name_of_data_is_not_kept(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        for name in ("README", "x.%2F%2E%2E", "a.csv%00", "notes.a-b"):
            answer = await browser.asks("POST", f"/api/file?at={AT}&language=swh&name={name}", b"x")
            assert answer.status == 400

    with_page(tmp_path, scenario)
    assert not (tmp_path / "radio").exists()
