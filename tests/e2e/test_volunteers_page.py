"""The volunteer's page in a real browser: the whole way, with the keyboard alone, and as people see and hear it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.base64url import encoded
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, Plan, PromptSpec, Task, Training, checked
from mfpt_shared.transport.address import BrokerAddress
from support.browser import NARROW, PATIENCE, WIDE, axe, browsing, serious_findings, tab
from support.neighbour import plan_file
from support.open_command import opened
from support.operating import Operator
from support.programs import serve
from support.sealing import key_of

pytestmark = [pytest.mark.slow, pytest.mark.network]

SWAHILI: Final = "d/radio%2Fswh"
PLAN: Final[Plan] = checked(
    Plan(
        federation="radio",
        task=Task(labels=("weather", "sports")),
        prompt=PromptSpec(tokens=4),
        training=Training(max_tokens=32),
        aggregation=Aggregation(buffer=1, start_together=0),
    )
)
WEATHER: Final = ("Mvua kubwa inanyesha leo", "Jua linawaka sana", "Upepo mkali unavuma", "Baridi imezidi usiku")
SPORTS: Final = ("Timu imeshinda mchezo", "Mchezaji amefunga bao", "Mbio za marathoni kesho", "Kocha mpya amefika")
TABLE: Final = "text,label\n" + "".join(
    f"{text} {day},{label}\n"
    for day in ("asubuhi", "mchana", "jioni", "Jumatatu")
    for label, texts in (("weather", WEATHER), ("sports", SPORTS))
    for text in texts
)
ODD: Final = f"{TABLE}{WEATHER[0]} asubuhi,sports\n{SPORTS[0]} asubuhi,sports\n"
LINE: Final = InvitationLine(
    (BrokerAddress("radio.example", 8883, "mqtts"),), "radio", encoded(bytes(8)), encoded(bytes(16)),
    key_of("coordinator").public, LanguageCode("swh"),
)  # fmt: skip


def in_browser(scenario: Callable[[Browser], Awaitable[None]], seconds: float = 120) -> None:
    async def shown() -> None:
        async with browsing() as browser:
            await scenario(browser)

    asyncio.run(asyncio.wait_for(shown(), seconds))


def device(home: Path, language: str = "swh") -> None:
    """Make a device that does not run, and has been given a file."""
    folder = home / "mfpt" / "edge" / "radio" / language
    (folder / "examples").mkdir(parents=True, mode=0o700)
    DeviceFolder(folder).enrol(LanguageCode(language))
    (folder / "examples" / "chosen.json").write_text(json.dumps({"file": ""}))


async def joins(page: Page, line: str, table: Path) -> None:
    await page.get_by_label("Paste the line that you were given").fill(line)
    await page.get_by_role("button", name="Continue").click()
    await page.locator("#file").set_input_files(table)
    await expect(page.get_by_text("to learn from.")).to_be_visible()
    await expect(page.locator(".notice.warn").first).to_be_visible()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("Not while it runs on battery").uncheck()
    await page.get_by_role("button", name="Join", exact=True).click()


def test_a_volunteer_joins_pauses_goes_on_sees_what_left_tries_it_and_leaves(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    table, source = tmp_path / "sentences.csv", axe(pytestconfig.cache.mkdir("axe"))
    table.write_text(ODD)
    folder = tmp_path / "mfpt" / "edge" / "radio" / "swh"

    async def scenario(browser: Browser) -> None:
        plan = str(plan_file(tmp_path, PLAN))
        async with serve(tmp_path, tmp_path / "data", "--closed", "--plan", plan):
            line = await Operator(tmp_path, tmp_path / "data").invites(language="swh", role="device")
            async with opened(tmp_path) as shown, tab(browser, shown.address) as page:
                await joins(page, line, table)
                await expect(page.get_by_role("button", name="Pause")).to_be_visible()
                await page.get_by_role("button", name="Pause").click()
                await expect(page.get_by_role("heading", name="Paused")).to_be_visible()
                assert json.loads((folder / "settings.json").read_text())["paused"]
                await page.get_by_role("button", name="Go on").click()
                await expect(page.get_by_role("button", name="Pause")).to_be_visible()

                await page.get_by_role("link", name="What left this computer").click()
                learned = page.locator("summary", has_text="What was learned").first
                await learned.click(timeout=5 * PATIENCE)
                await expect(page.get_by_text("bytes in these parts")).to_be_visible()
                assert await serious_findings(page, source) == []

                await page.get_by_role("link", name="Try it").click()
                await page.get_by_label("A sentence in your language").fill("Timu imeshinda mchezo leo")
                await page.get_by_role("button", name="What does it say?").click()
                await expect(page.locator(".answer .label")).to_contain_text("sure")
                assert await serious_findings(page, source) == []

                await page.get_by_role("link", name="Overview").click()
                assert await serious_findings(page, source) == []
                await page.get_by_role("link", name="Settings").click()
                await page.get_by_role("button", name="Leave …").click()
                await page.get_by_role("button", name="Leave and remove everything").click()
                await expect(page.get_by_label("Paste the line that you were given")).to_be_visible()
                assert not folder.exists()

    in_browser(scenario, seconds=600)


def test_all_three_steps_of_joining_are_taken_with_the_keyboard_alone(tmp_path: Path) -> None:
    table = tmp_path / "sentences.csv"
    table.write_text(TABLE)

    async def scenario(browser: Browser) -> None:
        async with opened(tmp_path) as shown, tab(browser, shown.address) as page:
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await presses_tab_until(page, "line")
            await page.keyboard.insert_text(str(LINE))
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("heading", name="Your sentences")).to_be_focused()
            await presses_tab_until(page, "file")
            async with page.expect_file_chooser() as choosing:
                await page.keyboard.press("Space")
            await (await choosing.value).set_files(table)
            await expect(page.get_by_role("heading", name="Your sentences")).to_be_focused()
            while await focused(page) != "Continue":
                await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await presses_tab_until(page, "hours")
            await page.keyboard.press("Space")
            await presses_tab_until(page, "from")
            while await focused(page) != "Join":
                await page.keyboard.press("Tab")
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", "whoever uses the keyboard sees where they are"

    in_browser(scenario)


async def focused(page: Page) -> str:
    """Return the text of what has the focus."""
    return str(await page.evaluate("document.activeElement.textContent.trim()"))


async def presses_tab_until(page: Page, wanted: str) -> None:
    """Press Tab until an element has the focus, by its id."""
    for _ in range(30):
        if await page.evaluate("document.activeElement.id") == wanted:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by the keyboard")


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "dark"), (NARROW, "light")], ids=["wide-dark", "narrow-light"])
def test_every_part_of_the_page_can_be_used_by_everybody_and_fits(
    tmp_path: Path, pytestconfig: pytest.Config, size: tuple[int, int], scheme: str
) -> None:
    source = axe(pytestconfig.cache.mkdir("axe"))
    device(tmp_path)
    device(tmp_path, "arb")

    async def scenario(browser: Browser) -> None:
        async with opened(tmp_path) as shown, tab(browser, shown.address, size, scheme) as page:
            for part in (
                "devices",
                "join",
                *(f"d/radio%2Fswh/{one}" for one in ("overview", "sent", "try", "settings")),
            ):
                await page.evaluate("hash => { location.hash = hash }", f"#/{part}")
                shows = page.locator(f"main[data-part={part.rpartition('/')[2]}] h1")
                await expect(shows).to_be_visible()
                assert await serious_findings(page, source) == [], part
                for direction in ("ltr", "rtl"):
                    await page.evaluate("to => { document.documentElement.dir = to }", direction)
                    beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                    assert await page.evaluate(beyond) <= 0, f"{part} is wider than the window, {direction}"

    in_browser(scenario)


def test_the_page_speaks_the_readers_language_and_remembers_another_choice(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        async with (
            opened(tmp_path) as shown,
            tab(browser, shown.address, extra_http_headers={"accept-language": "fr"}) as page,
        ):
            await expect(page.get_by_role("button", name="Continuer")).to_be_visible()
            assert await page.evaluate("document.documentElement.lang") == "fr"
            await page.get_by_label("Langue de cette page").select_option("sw")
            await expect(page.get_by_role("button", name="Endelea")).to_be_visible()
            await page.reload()
            await expect(page.get_by_role("button", name="Endelea")).to_be_visible()

    in_browser(scenario)


def test_markup_and_turned_letters_in_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    async def scenario(browser: Browser) -> None:
        device(tmp_path)
        folder = tmp_path / "mfpt" / "edge" / "radio" / "swh" / "examples"
        (folder / "a1.csv").write_text(TABLE)
        called = "<img src=x onerror=alert(1)>\u202e.csv"
        (folder / "chosen.json").write_bytes(msgspec.json.encode({"file": "a1.csv", "called": called, "bytes": 1}))
        async with opened(tmp_path) as shown, tab(browser, shown.address) as page:
            await page.get_by_role("link", name="Settings").click()
            await expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
            assert await page.locator("img[src=x]").count() == 0

    in_browser(scenario)
