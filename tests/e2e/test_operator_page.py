"""The operator's page in a browser: log in, invite, watch versions, revoke; with the mouse and with keys alone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from mfpt_shared.errors import AuthenticationFailed
from mfpt_shared.invitation import InvitationLine
from support.chromium import browsing
from support.closed import Closed, closed
from support.federation import Device
from support.joining import admit, reach
from support.operator_page import page_of
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]


def looked_at(folder: Path, scenario: Callable[[Closed, Page], Awaitable[None]], width: int = 1280) -> None:
    """Run a closed federation, and something in the browser of an operator who has just opened a link."""

    async def run() -> None:
        async with closed(folder) as federation, page_of(federation) as served, browsing(width) as page:
            await page.goto(await served.links())
            await expect(page.get_by_role("heading", level=1)).to_have_text("No language yet: invite the first devices")
            await scenario(federation, page)

    asyncio.run(asyncio.wait_for(run(), 120))


async def go_to(page: Page, part: str) -> None:
    await page.get_by_role("navigation", name="Parts of this page").get_by_role("link", name=part, exact=True).click()


async def invited(page: Page) -> InvitationLine:
    """Make an invitation on the page, and return its line."""
    await go_to(page, "Invitations")
    await page.get_by_label("Language of the devices").fill("sw")
    await page.get_by_role("button", name="Make an invitation").click()
    return InvitationLine.parse(await page.get_by_label("The invitation's line").input_value())


def test_an_operator_invites_a_device_watches_three_versions_and_revokes_it(tmp_path: Path) -> None:
    async def scenario(federation: Closed, page: Page) -> None:
        line = await invited(page)
        folder = tmp_path / "device"
        membership = await admit(folder, reach(invitation=line))
        trainer = StubTrainer(step=0.25)
        device = Device(folder, "swh", federation.broker, trainer, membership=membership)
        ended = asyncio.create_task(device.run())
        await go_to(page, "Versions")
        await expect(page.get_by_role("link", name="3", exact=True)).to_be_visible()
        await go_to(page, "Languages")
        await expect(page.get_by_role("link", name="Swahili")).to_be_visible()
        await go_to(page, "Devices")
        await page.get_by_role("link", name=device.identity.client).click()
        await page.get_by_role("button", name="Revoke this device").click()
        await page.get_by_role("button", name="Revoke", exact=True).click()
        await expect(page.get_by_text("It is revoked.")).to_be_visible()
        with pytest.raises(AuthenticationFailed, match="revoked"):
            await asyncio.wait_for(ended, 20)
        await go_to(page, "Log")
        await expect(page.get_by_text("revoked device")).to_be_visible()
        await go_to(page, "Overview")
        await expect(page.get_by_role("link", name="revoked")).to_be_visible()

    looked_at(tmp_path, scenario)


def test_with_keys_alone_everything_is_reached_and_a_question_can_be_left(tmp_path: Path) -> None:
    async def scenario(federation: Closed, page: Page) -> None:
        await federation.invite(language="swh", uses=2)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("main")).to_be_focused()
        await tab_to(page, "Invitations", backwards=True)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Invitations")).to_be_visible()
        await expect(page.get_by_role("button", name="Withdraw")).to_be_visible()
        await tab_to(page, "Withdraw …")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        assert [one.uses for one in federation.coordinator.state.invitations.values()] == [2]
        await page.keyboard.press("Enter")
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("It admits nobody any more.")).to_be_visible()
        assert [one.uses for one in federation.coordinator.state.invitations.values()] == [0]

    looked_at(tmp_path, scenario)


async def tab_to(page: Page, words: str, *, backwards: bool = False) -> None:
    """Press Tab until what has these words has the focus."""
    for _ in range(40):
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if await page.evaluate("document.activeElement.textContent") == words:
            return
    raise AssertionError(f"Tab does not come to {words}")
