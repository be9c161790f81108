"""A real Prometheus that scrapes coordinators every second."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.brokers import free_port
from support.inbox import SECONDS

_POLL_SECONDS: Final = 0.2


def find(program: str) -> str:
    """Return the path of a program of Prometheus; the test is skipped where it is missing."""
    unpacked = Path(sys.prefix) / "prometheus" / "usr" / "bin"  # where scripts/test puts Debian's package
    found = shutil.which(program) or shutil.which(program, path=str(unpacked))
    if found is None:
        pytest.skip("no Prometheus is here")
    return found


class Prometheus:
    """What a running Prometheus answers."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self._url}{path}?{urllib.parse.urlencode(query)}", timeout=SECONDS) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Any]:
        """Return the series of an instant query."""
        found: list[Any] = self.get("/api/v1/query", query=expression)["result"]
        return found

    async def until(self, has: Callable[[list[Any]], object], expression: str) -> None:
        """Ask until an answer has something."""
        try:
            async with asyncio.timeout(SECONDS):
                while not has(await asyncio.to_thread(self._series, expression)):
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it did not come within {SECONDS:g} s: {expression}") from None

    def _series(self, expression: str) -> list[Any]:
        """Return what there is; nothing while Prometheus starts."""
        try:
            return self.query(expression)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        except (urllib.error.URLError, ConnectionError):
            pass
        return []


@contextlib.asynccontextmanager
async def scraping(folder: Path, targets: Sequence[str], rules: Path) -> AsyncIterator[Prometheus]:
    """Run Prometheus with the rules of a file, from the moment it has scraped all targets five times."""
    program, port = find("prometheus"), free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "mfpt", "static_configs": [{"targets": list(targets)}]}],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    options = (f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder}/data")
    process = await asyncio.create_subprocess_exec(
        program, *options, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        prometheus = Prometheus(port)
        await prometheus.until(lambda found: len(found) == len(targets), "count_over_time(mfpt_version[1m]) >= 5")
        yield prometheus
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), SECONDS)
