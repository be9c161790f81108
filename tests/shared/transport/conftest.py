"""The brokers over which the transport's contract is tested."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from support.brokers import find_mosquitto
from support.links import Play, Scenario, open_link

SCENARIO_SECONDS: Final = 60.0


@pytest.fixture(params=["memory", "nats", pytest.param("light", marks=pytest.mark.slow), "wss", "mosquitto"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """A function that runs a scenario on a fresh broker of each kind."""
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")

    def run(scenario: Scenario) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(SCENARIO_SECONDS), open_link(request.param, tmp_path) as link:
                await scenario(link)

        asyncio.run(bounded())

    return run
