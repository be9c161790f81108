"""The operator's page, as a browser asks it: who is let in, what it shows, and what it orders."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mfpt_shared.invitation import InvitationLine
from support.closed import Closed, closed
from support.joining import admit, reach
from support.operator_page import Page, Visitor, page_of

pytestmark = pytest.mark.network


def visiting(folder: Path, scenario: Callable[[Closed, Page], Awaitable[None]]) -> None:
    """Run a closed federation with its page, and something in it."""

    async def run() -> None:
        async with closed(folder) as federation:
            async with page_of(federation) as page:
                await scenario(federation, page)
            assert "page" not in [thread.name for thread in threading.enumerate()]

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_link_lets_one_browser_in_and_nobody_else_comes_in(tmp_path: Path) -> None:
    async def scenario(federation: Closed, page: Page) -> None:
        link = urlsplit(await page.links())
        stranger, first, second = (Visitor(link.netloc) for _ in range(3))
        assert (await stranger.asks("/api/overview"))[0] == 401
        assert (await first.asks(f"/?{link.query}"))[0] == 200
        assert (await first.asks("/api/overview"))[0] == 200
        status, line = await second.asks(f"/?{link.query}")
        assert status == 401
        assert "mfpt-coord web link" in line
        assert (await first.asks("/api/overview", Host="evil.example"))[0] == 421
        assert (await first.asks("/api/overview", Origin="http://evil.example"))[0] == 403
        assert (await first.asks("/api/invitations", {}, Origin="http://evil.example"))[0] == 403
        assert not federation.coordinator.state.invitations
        assert (await first.asks("/api/leave", {}))[0] == 200
        assert (await first.asks("/api/overview"))[0] == 401

    visiting(tmp_path, scenario)


UNORDERLY = [
    ("/api/invitations", {"language": "no such language"}, "language"),
    ("/api/invitations", {"uses": 0}, "load it again"),
    ("/api/devices/nobody/revoke", {}, "no device nobody"),
    ("/api/devices/a b/revoke".replace(" ", "%20"), {}, "cannot be ordered"),
    ("/api/invitations/nothing/withdraw", {}, "no invitation nothing"),
    ("/api/languages/zul/rollback", {"to": 1}, "zul is not a language"),
]


def test_an_invitation_is_made_listed_and_withdrawn_and_what_cannot_be_ordered_is_said(tmp_path: Path) -> None:
    async def scenario(federation: Closed, page: Page) -> None:
        visitor = await page.visitor()
        status, made = await visitor.asks("/api/invitations", {"language": "sw", "uses": 3, "days": 2})
        assert status == 200
        assert made["invitation"]["language"] == "swh"
        assert str(InvitationLine.parse(made["invitation"]["line"])) == made["invitation"]["line"]
        assert {len(row) for row in made["qr"]} == {len(made["qr"])}
        (token,) = federation.coordinator.state.invitations
        _, listed = await visitor.asks("/api/invitations?search=swh")
        assert [(one["id"], one["uses"]) for one in listed["rows"]] == [(token, 3)]
        for path, body, said in UNORDERLY:
            status, answer = await visitor.asks(path, body)
            assert (status, said in answer["error"]) == (400, True), answer
        assert (await visitor.asks(f"/api/invitations/{token}/withdraw", {}))[0] == 200
        assert [one.uses for one in federation.coordinator.state.invitations.values()] == [0]
        _, log = await visitor.asks("/api/audit")
        assert [(one["by"], one["action"]) for one in log["rows"]] == [("web page", "withdraw"), ("web page", "invite")]

    visiting(tmp_path, scenario)


def test_every_part_of_the_page_is_there_before_the_first_version(tmp_path: Path) -> None:
    async def scenario(_federation: Closed, page: Page) -> None:
        visitor = await page.visitor()
        _, overview = await visitor.asks("/api/overview")
        assert (overview["federation"], overview["version"], overview["made"]) == ("test", 0, None)
        assert (overview["problems"], overview["alarms"], overview["devices"]["total"]) == ({}, [], 0)
        for part in ("languages", "helping", "devices", "versions", "invitations", "audit"):
            status, found = await visitor.asks(f"/api/{part}?size=10&page=1&search=&sort=&only=")
            assert (status, found["rows"], found["total"]) == (200, [], 0)
        assert (await visitor.asks("/api/languages/swh"))[0] == 400
        for version in ("1", "first", "9" * 30, "9" * 5000):
            assert (await visitor.asks(f"/api/versions/{version}"))[0] == 400
        assert (await visitor.asks("/api/devices?page=0"))[0] == 400
        _, plan = await visitor.asks("/api/plan")
        assert plan["federation"] == "test"

    visiting(tmp_path, scenario)


def test_what_turns_the_text_around_a_name_is_shown_nowhere(tmp_path: Path) -> None:
    async def scenario(federation: Closed, page: Page) -> None:
        visitor = await page.visitor()
        await admit(tmp_path / "device", reach(invitation=await federation.invite()))
        (device,) = federation.coordinator.state.enrolments
        for deed, body in (("rename", {"name": "one\u202eowt\u0007"}), ("revoke", {})):
            assert (await visitor.asks(f"/api/devices/{device}/{deed}", body))[0] == 200
        _, devices = await visitor.asks("/api/devices")
        assert [one["name"] for one in devices["rows"]] == ["oneowt"]
        _, log = await visitor.asks("/api/audit?search=revoke")
        assert [one["detail"] for one in log["rows"]] == ["oneowt"]

    visiting(tmp_path, scenario)


@pytest.mark.slow
def test_the_page_says_when_its_coordinator_has_ended(tmp_path: Path) -> None:
    async def run() -> None:
        async with closed(tmp_path) as federation, page_of(federation) as page:
            visitor = await page.visitor()
            federation.coordinator.stop()
            while (await visitor.asks("/api/invitations", {}))[0] == 200:
                await asyncio.sleep(0)
            status, answer = await visitor.asks("/api/invitations", {})
            assert status == 409
            assert "about to end" in answer["error"]

    asyncio.run(asyncio.wait_for(run(), 60))
