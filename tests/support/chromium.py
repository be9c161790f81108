"""Chromium without a screen, for pages that people look at."""

import contextlib
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect

SECONDS = 20.0


def find_chromium() -> str:
    """Return the program; a test that needs it is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed")
    return program


@contextlib.asynccontextmanager
async def browsing(width: int = 1280, height: int = 900) -> AsyncIterator[Page]:
    """Open a page of a browser until the context ends; its complaints, and what it asks of others, fail the test."""
    program, complaints = find_chromium(), list[str]()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
        page = await context.new_page()
        page.set_default_timeout(SECONDS * 1000)
        expect.set_options(timeout=SECONDS * 1000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda said: complaints.append(f"{said.text} {said.location}") if said.type == "error" else None
        )
        page.on("request", lambda asked: _own(asked.url, complaints))
        try:
            yield page
        finally:
            await browser.close()
    assert not complaints, complaints


def _own(url: str, complaints: list[str]) -> None:
    if not url.startswith("http://127.0.0.1:"):
        complaints.append(f"it asks for {url}")
