"""Take the pictures of the operator's page that docs/ shows: 200 languages and 5,000 devices, all of them made up.

The coordinator, its broker and the page are real. It takes a minute or two to make the federation's past.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from command_line import called_from, parser
from mfpt_coord.server.broker_config import Listen
from operator_page.made_up import Size
from operator_page.running import running
from page_pictures import PATIENCE, ROOT, Camera

PICTURES: Final = (
    ("overview", "overview", 1280, "light", True),
    ("languages", "languages", 1280, "light", False),
    ("helping", "helping", 1280, "light", True),
    ("language-dark", "languages/ind", 1280, "dark", True),
    ("devices-dark-narrow", "devices", 390, "dark", False),
    ("right-to-left-narrow", "overview", 390, "light", False),
)
"""Name, part of the page, width, colours, and whether all of it is shown."""


def main() -> int:
    """Run the command line; return the exit code."""
    options = _options()
    asyncio.run(_pictures(called_from() / options.out, options.chromium))
    return 0


def _options() -> argparse.Namespace:
    reading = parser("screenshots operator", __doc__, "--out docs/pictures")
    reading.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="folder for the pictures")
    reading.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    return reading.parse_args()


async def _pictures(out: Path, chromium: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), Size(), Listen("127.0.0.1", 0)) as federation:
            links = [await federation.links() for _ in PICTURES]
            await asyncio.to_thread(_take, links, out, chromium)


def _take(links: list[str], out: Path, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        camera = Camera(browser, out, "operator")
        for link, (name, part, width, colours, whole) in zip(links, PICTURES, strict=True):
            page = camera.tab(link, width, colours)
            _go(page, part)
            if name.startswith("right-to-left"):
                page.evaluate("document.documentElement.dir = 'rtl'")
            camera.takes(page, name, whole=whole)
            page.close()
        browser.close()


def _go(page: Page, part: str) -> None:
    """Go to a part of the page, and wait until it has been drawn."""
    page.set_default_timeout(PATIENCE)
    page.evaluate(f"location.hash = '#/{part}'")
    page.wait_for_selector("table.cards tbody tr, table.dense tbody tr, .verdicts")
    page.wait_for_timeout(1000)


if __name__ == "__main__":
    raise SystemExit(main())
