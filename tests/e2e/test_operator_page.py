"""The operator's page in a browser: log in, invite, watch versions, revoke; with the mouse and with keys alone."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from mfpt_shared.errors import AuthenticationFailed
from mfpt_shared.invitation import InvitationLine
from stub_federation.trainer import StubTrainer as Unhurried
from support.browser import NARROW, WIDE, axe, browsing, serious_findings, tab
from support.closed import Closed, closed
from support.federation import Device, running
from support.inbox import SECONDS
from support.joining import admit, reach
from support.operator_page import page_of
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]


expect.set_options(timeout=SECONDS * 1000)

PARTS = ("Overview", "Languages", "Who helps whom", "Devices", "Versions", "Invitations", "Plan", "Log")


def looked_at(
    folder: Path,
    scenario: Callable[[Closed, Page], Awaitable[None]],
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
) -> None:
    """Run a closed federation, and something in the browser of an operator who has just opened a link."""

    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            federation = await stack.enter_async_context(closed(folder))
            served = await stack.enter_async_context(page_of(federation))
            browser = await stack.enter_async_context(browsing())
            page = await stack.enter_async_context(tab(browser, await served.links(), size, scheme, bypass_csp=True))
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


def test_an_operator_invites_a_device_watches_three_versions_revokes_it_and_goes_back(tmp_path: Path) -> None:
    async def scenario(federation: Closed, page: Page) -> None:
        line = await invited(page)
        folder = tmp_path / "device"
        membership = await admit(folder, reach(invitation=line))
        trainer = Unhurried(seconds=1.0, step=0.25)  # version 3 is still on the first page of all versions
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
        version = federation.coordinator.state.version
        await page.evaluate("location.hash = '#/languages/swh'")
        await page.get_by_role("button", name="Go back …").click()
        await page.get_by_role("button", name="Go back", exact=True).click()
        await expect(page.get_by_text(f"version {version + 1} went back to")).to_be_visible()
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


def test_a_browser_that_was_logged_out_elsewhere_hears_no_more_and_says_what_to_do(tmp_path: Path) -> None:
    async def scenario(_: Closed, page: Page) -> None:
        await page.evaluate("fetch('/api/leave', { method: 'POST', body: '{}' })")
        await expect(page.locator("#lost").get_by_text("This browser is logged out")).to_be_visible()

    looked_at(tmp_path, scenario)


async def tab_to(page: Page, words: str, *, backwards: bool = False) -> None:
    """Press Tab until what has these words has the focus."""
    for _ in range(40):
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if await page.evaluate("document.activeElement.textContent") == words:
            return
    raise AssertionError(f"Tab does not come to {words}")


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_no_part_keeps_anybody_from_using_it(
    tmp_path: Path, pytestconfig: pytest.Config, size: tuple[int, int], scheme: str
) -> None:
    source = axe(pytestconfig.cache.mkdir("axe"))

    async def scenario(federation: Closed, page: Page) -> None:
        device = await member(federation, tmp_path / "device")
        async with running(device) as ended:
            await asyncio.wait_for(ended, SECONDS)
        for part in PARTS:
            await go_to(page, part)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await serious_findings(page, source) == []
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for address in (f"devices/{device.identity.client}", "languages/swh", "versions/2"):
            await page.evaluate(f"location.hash = '#/{address}'")
            await expect(page.get_by_role("link", name="All ")).to_be_visible()
            assert await serious_findings(page, source) == []
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    looked_at(tmp_path, scenario, size, scheme)


async def member(federation: Closed, folder: Path) -> Device:
    """Return a device that an invitation has let in, and that makes two rounds."""
    membership = await admit(folder, reach(invitation=await federation.invite(language="swh")))
    return Device(folder, "swh", federation.broker, StubTrainer(step=0.25), rounds=2, membership=membership)
