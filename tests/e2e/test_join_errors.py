"""`mfpt-edge join` and `predict` when something is missing or does not fit: exit codes and messages."""

import asyncio
import subprocess
import time
from pathlib import Path

import pytest

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, plan_to_json
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt as PromptMessage
from mfpt_shared.protocol.messages import PromptHeader
from mfpt_shared.tensors import halve, initial_state
from support.brokers import free_port
from support.federation import tiny_plan
from support.neighbour import FEDERATION, plan_file
from support.programs import messages, run, serve

pytestmark = pytest.mark.network


def test_joining_without_a_broker_gives_up_after_the_given_attempts_with_exit_code_3(tmp_path: Path) -> None:
    began = time.monotonic()
    address = f"mqtt://127.0.0.1:{free_port()}"

    result = run(tmp_path, "mfpt_edge", "join", "--lang", "sw", "--broker", address, "--retry", "2")

    assert result.returncode == 3
    assert 1 <= len(messages(result)) <= 2, result.stderr
    assert address in messages(result)[-1]
    assert "mfpt-coord serve" in messages(result)[-1]
    assert result.stdout == ""
    assert time.monotonic() - began < 30


@pytest.fixture(scope="module")
def without_a_text_column(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple["subprocess.CompletedProcess[str]", DeviceFolder]:
    """A device that took part elsewhere before, and whose data cannot be read now: what it said, and its folder."""
    tmp_path = tmp_path_factory.mktemp("no_text")
    folder = DeviceFolder(tmp_path / "state")
    folder.save_broker("mqtt://earlier.example:1883")
    data = tmp_path / "no_text.csv"
    data.write_text("phrase,label\nnzuri sana,good\nmbaya sana,bad\n", encoding="utf-8")

    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving:
            command = ("join", "--lang", "sw", "--federation", FEDERATION, "--broker", str(serving.address))
            allowed = ("--state-dir", str(folder.path), "--allow-backbone", tiny_plan().backbone.uri)
            return await asyncio.to_thread(run, tmp_path, "mfpt_edge", *command, "--data", str(data), *allowed)

    return asyncio.run(asyncio.wait_for(scenario(), 90)), folder


def test_a_data_file_without_a_text_column_ends_with_exit_code_7_and_names_the_column(
    without_a_text_column: tuple["subprocess.CompletedProcess[str]", DeviceFolder],
) -> None:
    result, _ = without_a_text_column

    assert result.returncode == 7, result.stderr
    assert "no text column" in messages(result)[-1]
    assert "'phrase'" in messages(result)[-1]
    assert "--text-column" in messages(result)[-1]


def test_a_device_whose_data_cannot_be_read_goes_on_asking_the_broker_of_its_earlier_federation(
    without_a_text_column: tuple["subprocess.CompletedProcess[str]", DeviceFolder],
) -> None:
    _, folder = without_a_text_column
    assert folder.broker() == "mqtt://earlier.example:1883"


def test_a_prompt_made_for_another_backbone_ends_with_exit_code_6(tmp_path: Path) -> None:
    plan = Plan(task=Task(labels=("good", "bad")), backbone=BackboneSpec(), prompt=PromptSpec(tokens=2))
    folder = DeviceFolder(tmp_path / "device")
    folder.enrol(LanguageCode("swh"))
    folder.save_plan(plan_to_json(plan))
    header = PromptHeader(language="swh", version=1, plan=plan.digest, backbone=f"sha256:{'0' * 64}")
    folder.save_prompt(encode(PromptMessage(header, halve(initial_state(plan)))))

    result = run(
        tmp_path, "mfpt_edge", "predict", "--lang", "sw", "--state-dir", str(folder.path), "habari", seconds=120
    )

    assert result.returncode == 6, result.stderr
    assert "backbone" in messages(result)[-1]
    assert "0" * 64 in messages(result)[-1]
