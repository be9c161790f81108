"""`mfpt-edge join` under a plan that asks for more than its owner allows, through a real broker."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mfpt_edge.storage.answers import Answers
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, plan_to_json
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.tensors import halve, initial_state
from support.federation import tiny_plan
from support.neighbour import FEDERATION, plan_file
from support.programs import messages, run, serve, variables

pytestmark = pytest.mark.network


def joined(home: Path, plan: Plan) -> tuple["subprocess.CompletedProcess[str]", int]:
    """Join under a plan, with an answer waiting on standard input; return the end, and how much of that was read."""
    data, typed = home / "own.csv", home / "typed"
    data.write_text("text,label\n" + "nzuri,good\nmbaya,bad\n" * 20, encoding="utf-8")
    typed.write_text("y\n" * 9, encoding="utf-8")

    async def scenario() -> tuple["subprocess.CompletedProcess[str]", int]:
        async with serve(home, home / "data", "--plan", str(plan_file(home, plan))) as serving:
            with typed.open("rb") as stdin:
                chosen = ("join", "--lang", "sw", "--federation", FEDERATION, "--broker", str(serving.address))
                end = await asyncio.to_thread(
                    subprocess.run,
                    [sys.executable, "-m", "mfpt_edge", *chosen, "--data", str(data), "--rounds", "1"],
                    stdin=stdin,
                    capture_output=True,
                    text=True,
                    timeout=80,
                    check=False,
                    env=variables(home),
                )
                return end, os.lseek(stdin.fileno(), 0, os.SEEK_CUR)

    return asyncio.run(asyncio.wait_for(scenario(), 100))


@pytest.mark.parametrize(
    ("uri", "option"), [("path:{home}/private", "--allow-backbone"), ("hf:evil/backbone", "--yes")]
)
def test_a_device_opens_and_downloads_nothing_that_its_owner_did_not_allow(
    tmp_path: Path, uri: str, option: str
) -> None:
    (tmp_path / "private").mkdir()
    backbone = BackboneSpec(uri=uri.format(home=tmp_path), width=8, layers=2)
    end, read = joined(tmp_path, msgspec.structs.replace(tiny_plan(), backbone=backbone))
    assert end.returncode == 7, end.stderr
    assert option in messages(end)[-1]
    assert backbone.uri in messages(end)[-1]
    assert read == 0


def test_predict_opens_no_backbone_of_a_kept_plan_that_nobody_allowed(tmp_path: Path) -> None:
    uri = f"path:{tmp_path}/private"
    plan = msgspec.structs.replace(tiny_plan(), backbone=BackboneSpec(uri=uri, width=8, layers=2))
    folder = DeviceFolder(tmp_path / "device")
    folder.enrol(LanguageCode("swh"))
    folder.save_plan(plan_to_json(plan))
    header = PromptHeader(language=LanguageCode("swh"), version=1, plan=plan.digest, backbone="")
    folder.save_prompt(encode(Prompt(header, halve(initial_state(plan)))))
    command = ("mfpt_edge", "predict", "--lang", "sw", "--state-dir", str(folder.path), "habari")
    refused = run(tmp_path, *command)
    assert refused.returncode == 7, refused.stderr
    assert "--allow-backbone" in messages(refused)[-1]

    Answers(folder.path).add(f"backbone {uri}")
    allowed = run(tmp_path, *command)
    assert allowed.returncode == 2, allowed.stderr
    assert "does not exist" in messages(allowed)[-1]
