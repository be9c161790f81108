"""A device's folder: who it is, and what it holds between runs."""

from pathlib import Path

import numpy as np
import pytest

from mfpt_edge.device import IDENTITY_FILE, PLAN_FILE, PROMPT_FILE, DeviceFolder, default_folder
from mfpt_edge.held import held
from mfpt_shared.codec import encode
from mfpt_shared.errors import BadData, Incompatible, PlanError, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.messages import Prompt, PromptHeader
from mfpt_shared.plan import Backbone, Plan, Task, plan_to_json
from mfpt_shared.plan import Prompt as PromptPlan
from mfpt_shared.tensors import halve, initial_state

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")
PLAN = Plan(task=Task(labels=("a", "b")), backbone=Backbone(width=2, layers=2), prompt=PromptPlan(tokens=1))


def prompt_of(plan: Plan, version: int = 1) -> bytes:
    header = PromptHeader(language="swh", version=version, plan=plan.digest, backbone="")
    return encode(Prompt(header, halve(initial_state(plan))))


def test_a_new_folder_belongs_to_nobody(tmp_path: Path) -> None:
    assert DeviceFolder(tmp_path / "new").identity() is None


def test_a_device_keeps_its_identity(tmp_path: Path) -> None:
    first = DeviceFolder(tmp_path / "new").enrol(SWAHILI)
    assert DeviceFolder(tmp_path / "new").enrol(SWAHILI) == first
    assert DeviceFolder(tmp_path / "new").identity() == first


def test_two_devices_differ(tmp_path: Path) -> None:
    one, other = DeviceFolder(tmp_path / "one").enrol(SWAHILI), DeviceFolder(tmp_path / "other").enrol(SWAHILI)
    assert one.client != other.client


def test_a_folder_of_another_language_is_refused_with_a_way_out(tmp_path: Path) -> None:
    folder = DeviceFolder(tmp_path)
    first = folder.enrol(SWAHILI)
    with pytest.raises(Incompatible, match="for swh, not zul; give another --state-dir"):
        folder.enrol(ZULU)
    assert folder.identity() == first


def test_folders_of_federations_and_languages_are_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folders = {default_folder(name, language) for name in ("one", "two") for language in (SWAHILI, ZULU)}
    assert len(folders) == 4
    assert all(folder.is_relative_to(tmp_path) for folder in folders)


def test_the_outbox_stands_in_the_folder(tmp_path: Path) -> None:
    DeviceFolder(tmp_path).outbox().put(1, b"one")
    assert DeviceFolder(tmp_path).outbox().payload(1) == b"one"


def test_what_a_device_holds_is_there_after_a_restart(tmp_path: Path) -> None:
    folder = DeviceFolder(tmp_path)
    folder.save_plan(plan_to_json(PLAN))
    folder.save_prompt(prompt_of(PLAN, version=1))
    folder.save_prompt(prompt_of(PLAN, version=2))
    model = held(DeviceFolder(tmp_path))
    assert model.plan == PLAN
    assert model.prompt.header.version == 2
    assert np.array_equal(np.asarray(model.prompt.state["prompt"]), halve(initial_state(PLAN))["prompt"])


def test_a_device_that_holds_nothing_says_how_to_get_something(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run `mfpt-edge join` first"):
        held(DeviceFolder(tmp_path / "new"))
    folder = DeviceFolder(tmp_path)
    folder.save_plan(plan_to_json(PLAN))
    with pytest.raises(UsageError, match=r"run `mfpt-edge join` first"):
        held(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"client":1}', b'{"client":"a"}', b"\xff\xfe", b"null"],
    ids=["empty", "cut", "list", "number", "no language", "not text", "null"],
)
def test_a_damaged_identity_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / IDENTITY_FILE).write_bytes(content)
    for attempt in (DeviceFolder(tmp_path).identity, lambda: DeviceFolder(tmp_path).enrol(SWAHILI)):
        with pytest.raises(BadData, match=rf"{IDENTITY_FILE} is damaged.*; remove "):
            attempt()


@pytest.mark.parametrize("content", [b"", b"{", b'{"task":{}}', b"\xff"])
def test_a_damaged_plan_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    folder = DeviceFolder(tmp_path)
    folder.save_plan(content)
    with pytest.raises(PlanError, match=rf"{PLAN_FILE} is damaged; join the federation again"):
        folder.plan()


@pytest.mark.parametrize("cut", [0, 3, -1])
def test_a_damaged_prompt_is_named(tmp_path: Path, cut: int) -> None:
    folder = DeviceFolder(tmp_path)
    folder.save_prompt(prompt_of(PLAN)[:cut])
    with pytest.raises(BadData, match=PROMPT_FILE):
        folder.prompt()


def test_a_prompt_of_another_plan_is_not_used_with_this_one(tmp_path: Path) -> None:
    """A federation that was set up anew sends its plan before its first prompt."""
    folder = DeviceFolder(tmp_path)
    folder.save_plan(plan_to_json(PLAN))
    folder.save_prompt(prompt_of(PLAN))
    folder.save_plan(plan_to_json(Plan(task=Task(labels=("c", "d")), backbone=PLAN.backbone, prompt=PLAN.prompt)))
    with pytest.raises((UsageError, Incompatible, BadData)):
        held(folder)
