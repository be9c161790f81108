"""A real browser, headless: no request may leave the page's server, and accessibility is judged."""

import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Request, async_playwright, expect

AXE: Final = "axe-core@4.14.1"
WIDE: Final = (1280, 800)
NARROW: Final = (390, 800)
PATIENCE: Final = 60_000
"""Milliseconds: a machine may be busy, and the language model may have to be loaded."""
_SERIOUS: Final = frozenset({"serious", "critical"})


def chromium() -> str:
    """Return where Chromium is; skip the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("chromium is not installed")
    return found


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Run a browser until the context ends. Its sandbox needs rights that a test may not have."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def tab(
    browser: Browser, address: str, size: tuple[int, int] = WIDE, scheme: str = "light", **options: Any
) -> AsyncIterator[Page]:
    """Open an address in a browser of its own; at the end, no request has gone elsewhere and no script has failed."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
        **options,
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    outside: list[str] = []
    errors: list[str] = []

    def requested(request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(address).netloc:
            outside.append(request.url)

    page.on("request", requested)
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        await page.goto(address)
        await expect(page.locator("#page")).to_be_attached()  # a link shows a line first, and then goes to the page
        yield page
        assert outside == []
        assert errors == []
    finally:
        await context.close()


def axe(cache: Path) -> str:
    """Return the source of axe-core, got once from npm; skip the test where it cannot be had."""
    script = cache / AXE / "axe.min.js"
    if not script.exists():
        script.parent.mkdir(parents=True, exist_ok=True)
        try:
            packed = subprocess.run(
                ["npm", "pack", AXE, "--silent"],
                cwd=script.parent,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            pytest.skip("axe-core cannot be had here")
        with tarfile.open(script.parent / packed.stdout.strip()) as archive:
            found = archive.extractfile("package/axe.min.js")
            assert found is not None
            script.write_bytes(found.read())
    return script.read_text(encoding="utf-8")


async def serious_findings(page: Page, source: str) -> list[str]:
    """Return what axe-core finds that keeps people from using a page: rule and element."""
    await page.evaluate(source)
    found = await page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in _SERIOUS
        for node in rule["nodes"]
    ]
