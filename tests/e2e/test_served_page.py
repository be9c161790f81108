"""`mfpt-coord serve --web`: the link that it prints, others that can be made, and TLS where others could listen."""

import asyncio
import json
import re
import ssl
import urllib.request
from pathlib import Path

import pytest

from support.programs import run, serve

pytestmark = [pytest.mark.network, pytest.mark.slow]

LINK = ("mfpt_coord", "web", "link", "--data-dir")
PRINTED = re.compile(r"operator's page: (https?://\S+)")


def opened(link: str) -> str:
    """Return what a browser without a cookie gets for a link; it asks nobody whether the certificate is good."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(link, timeout=20, context=context) as answer:
        return str(answer.read().decode())


def test_a_link_is_printed_and_another_can_be_made_while_it_serves(tmp_path: Path) -> None:
    async def scenario() -> None:
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--web", "0") as coordinator:
            (printed,) = PRINTED.findall("\n".join(coordinator.log))
            assert printed.startswith("http://127.0.0.1:")
            assert await asyncio.to_thread(opened, printed) == "One moment …"
            made = await asyncio.to_thread(
                run, tmp_path, "mfpt_coord", "web", "link", "--data-dir", str(data), "--json"
            )
            link = json.loads(made.stdout)["link"]
            assert link != printed
            assert await asyncio.to_thread(opened, link) == "One moment …"

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_elsewhere_than_on_this_machine_the_page_has_tls(tmp_path: Path) -> None:
    async def scenario() -> None:
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--web", "0.0.0.0:0") as coordinator:
            (printed,) = PRINTED.findall("\n".join(coordinator.log))
            link = re.sub("//[^:]+:", "//127.0.0.1:", printed)
            assert link.startswith("https://")
            assert await asyncio.to_thread(opened, link) == "One moment …"
            assert (data / "page.key").stat().st_mode & 0o077 == 0

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_coordinator_without_a_page_says_how_to_serve_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        data = tmp_path / "data"
        async with serve(tmp_path, data):
            made = await asyncio.to_thread(run, tmp_path, *LINK, str(data))
            assert made.returncode == 2
            assert "serve --web" in made.stderr

    asyncio.run(asyncio.wait_for(scenario(), 60))
