"""What a coordinator that stands by answers to monitoring, until it takes over."""

import asyncio
import contextlib
import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from mfpt_coord.server.postgres_store import PostgresStore
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from support.brokers import embedded, free_port
from support.federation import tiny_plan
from support.inbox import SECONDS
from support.neighbour import plan_file
from support.postgres import served
from support.programs import serve

pytestmark = [pytest.mark.network, pytest.mark.slow]


def get(port: int, path: str) -> tuple[int, str]:
    """Ask a coordinator; (0, nothing) while nobody listens there."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionError:
            return 0, "{}"


async def readiness(port: int, status: int) -> dict[str, Any]:
    """Ask until a coordinator is as ready as this status says."""
    async with asyncio.timeout(SECONDS):
        while True:
            found, text = await asyncio.to_thread(get, port, "/readyz")
            if found == status:
                report: dict[str, Any] = json.loads(text)
                return report
            await asyncio.sleep(0.1)  # it tells nobody when that changes


def test_a_coordinator_that_stands_by_is_alive_and_ready_once_it_has_taken_over(tmp_path: Path) -> None:
    async def scenario() -> tuple[dict[str, Any], tuple[int, str], dict[str, Any]]:
        with served() as server:
            url = server.new_database()
            leading = PostgresStore(url, 0.0)
            leading.lead()
            async with embedded(tmp_path / "broker") as broker:
                port, plan = free_port(), plan_file(tmp_path, tiny_plan())
                where = ("--broker", str(broker.address), "--open", "--store", url, "--plan", str(plan))
                extra = {PASSWORD_VARIABLE: broker.address.password or ""}
                following = serve(tmp_path, tmp_path / "data", *where, "--metrics", str(port), extra=extra)
                taking_over = asyncio.create_task(following.__aenter__())
                standing_by = await readiness(port, 503)
                alive = await asyncio.to_thread(get, port, "/healthz")
                leading.close()
                await taking_over
                try:
                    return standing_by, alive, await readiness(port, 200)
                finally:
                    await following.__aexit__(None, None, None)

    standing_by, alive, leads = asyncio.run(asyncio.wait_for(scenario(), 120))

    assert "stands by" in standing_by["checks"]["leadership"]
    assert alive == (200, "ok\n")
    assert leads == {"ready": True, "checks": {"broker": "ok", "leadership": "ok", "store": "ok"}}
