"""The operator goes back to an earlier version: devices follow, and audit and history say so."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mfpt_coord.commands.app import app
from mfpt_coord.core.audit import Actor
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.orders import Rollback, WentBack
from mfpt_coord.server.stored_audit import deeds
from mfpt_coord.server.stored_history import read_kept
from mfpt_coord.server.stored_reading import read_rows
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from support.brokers import embedded
from support.federation import Device, coordinating, running, stored_prompts, tiny_plan
from support.sealing import key_of
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network

ADA = Actor("ada", 1007)


def test_devices_follow_to_an_earlier_prompt_and_go_on_from_there(tmp_path: Path) -> None:
    async def scenario() -> WentBack:
        plan = tiny_plan(buffer=1)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, _),
        ):
            operator = Operator(coordinator, key_of("coordinator").public, (broker.public_address,))
            learning = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(step=1.0), rounds=3)
            async with running(learning):
                await learning.until(lambda seen: seen.rounds == 3)
            assert coordinator.state.version == 3
            with pytest.raises(UsageError, match="not an earlier one"):
                await operator.obey(Rollback(to=3), ADA)
            with pytest.raises(UsageError, match="zul is not a language"):
                await operator.obey(Rollback(language="zul"), ADA)
            went_back = await operator.obey(Rollback(language="swh", to=1), ADA)
            assert isinstance(went_back, WentBack)
            gate = Gate()
            later = Device(tmp_path / "later", "swh", broker.address, StubTrainer(gate=gate))
            async with running(later):
                assert await asyncio.to_thread(gate.reached.wait, 30)
                first = stored_prompts(tmp_path, plan, 1)["swh"]
                assert later.client.prompts.newest is not None
                assert later.client.prompts.newest.header.version == 4
                for name, values in later.state.items():
                    np.testing.assert_allclose(values, first[name], atol=2e-3)
                gate.open.set()
                await later.until(lambda seen: seen.rounds >= 1)
            assert coordinator.state.version >= 5
            assert coordinator.state.counts.rejected == 0
            return went_back

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == WentBack(version=4, languages={"swh": 1})
    (noted,) = [deed for deed in read_rows(tmp_path / DATABASE_FILE, deeds) if deed.action == "rollback"]
    assert (noted.by, noted.detail) == (ADA, "as version 4: swh to version 1")
    assert {1, 2, 3, 4} <= set(read_kept(tmp_path / DATABASE_FILE)[LanguageCode("swh")].versions)
    told = CliRunner().invoke(app, ["history", "--data-dir", str(tmp_path), "--lang", "swh", "--json"])
    assert {one["version"]: one["source"] for one in json.loads(told.stdout)["history"]}[4] == 1
    shown = (
        CliRunner()
        .invoke(app, ["history", "--data-dir", str(tmp_path), "--lang", "swh"], env={"COLUMNS": "160"})
        .stdout
    )
    assert "went back to version 1" in shown
