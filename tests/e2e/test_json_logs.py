"""The log of a coordinator as JSON, while devices train with it."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from mfpt_shared.plan_files import plan_to_toml
from support.federation import Device, running, tiny_plan
from support.inbox import SECONDS
from support.programs import serve
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_every_line_is_an_object_with_the_version_and_the_device_that_it_is_about(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(plan_to_toml(tiny_plan()), encoding="utf-8")

    async def scenario() -> tuple[list[str], str]:
        options = ("--plan", str(plan), "--log-format", "json", "--debug")
        async with serve(tmp_path, tmp_path / "data", *options) as serving:
            device = Device(tmp_path / "device", "swh", serving.address, StubTrainer(step=0.1), rounds=2)
            async with running(device) as ended:
                await asyncio.wait_for(ended, SECONDS)
            await serving.end(signal.SIGTERM)
        return serving.log, device.identity.client

    log, client = asyncio.run(asyncio.wait_for(scenario(), 60))
    lines: list[dict[str, Any]] = [json.loads(line) for line in log]

    accepted = [line for line in lines if "accepted" in line["message"]]
    assert [line["device"] for line in accepted] == [client, client]
    assert [line["version"] for line in lines if line["message"].startswith("stopped at")] == [2]
    assert lines[-1]["exit_code"] == 0
