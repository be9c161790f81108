"""A device's folder: who it is, and what it holds between runs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mfpt_edge.commands.app import main
from mfpt_edge.storage.device_folder import PERSONAL_PROMPT_FILE, PLAN_FILE, PROMPT_FILE, DeviceFolder, default_folder
from mfpt_edge.storage.doing import Doing, say
from mfpt_edge.storage.identity import IDENTITY_FILE
from mfpt_edge.storage.saved_prompt import kept_model
from mfpt_shared.errors import BadData, Damaged, Incompatible, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, plan_to_json
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.tensors import halve, initial_state

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")
PLAN = Plan(task=Task(labels=("a", "b")), backbone=BackboneSpec(width=2, layers=2), prompt=PromptSpec(tokens=1))
OTHER_PLAN = Plan(task=Task(labels=("c", "d")), backbone=PLAN.backbone, prompt=PLAN.prompt)


def prompt_of(plan: Plan, version: int = 1) -> bytes:
    header = PromptHeader(language="swh", version=version, plan=plan.digest, backbone="", own_share=0.5)
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


def test_every_run_has_a_higher_number_than_all_that_the_folder_knows_of(tmp_path: Path) -> None:
    folder = DeviceFolder(tmp_path)
    identity = folder.enrol(SWAHILI)
    numbers = [folder.begin_session(identity).number for _ in range(3)]
    folder.note_session(numbers[-1] + 10**12)
    folder.note_session(5)
    numbers.append(folder.begin_session(identity).number)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > numbers[-2] + 10**12


def test_what_a_killed_run_left_half_written_is_removed_when_the_device_starts_again(tmp_path: Path) -> None:
    folder = DeviceFolder(tmp_path)
    folder.enrol(SWAHILI)
    folder.outbox().put(1, b"one")
    for half in (tmp_path / "prompt.part", tmp_path / "outbox" / "0000000002.part"):
        half.write_bytes(b"tw")
    folder.enrol(SWAHILI)
    assert list(tmp_path.rglob("*.part")) == []
    assert folder.outbox().sequences() == (1,)


def test_looking_at_a_folder_disturbs_nobody_who_writes_to_it(tmp_path: Path) -> None:
    half = tmp_path / "outbox" / "0000000002.part"
    half.parent.mkdir()
    half.write_bytes(b"tw")
    folder = DeviceFolder(tmp_path)
    assert (folder.identity(), folder.outbox().sequences()) == (None, ())
    assert half.exists()


def test_a_folder_of_another_language_is_refused_with_a_way_out(tmp_path: Path) -> None:
    folder = DeviceFolder(tmp_path)
    first = folder.enrol(SWAHILI)
    with pytest.raises(Incompatible, match=r"for Swahili \(swh\), not Zulu \(zul\); give another --state-dir"):
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
    model = kept_model(DeviceFolder(tmp_path))
    assert model.plan == PLAN
    assert model.prompt.header.version == 2
    assert np.array_equal(np.asarray(model.prompt.state["prompt"]), halve(initial_state(PLAN))["prompt"])


def test_a_device_that_holds_nothing_says_how_to_get_something(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run `mfpt-edge join` first"):
        kept_model(DeviceFolder(tmp_path / "new"))
    folder = DeviceFolder(tmp_path)
    folder.save_plan(plan_to_json(PLAN))
    with pytest.raises(UsageError, match=r"run `mfpt-edge join` first"):
        kept_model(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"client":1}', b'{"client":"a"}', b"\xff\xfe", b"null"],
    ids=["empty", "cut", "list", "number", "no language", "not text", "null"],
)
def test_a_damaged_identity_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / IDENTITY_FILE).write_bytes(content)
    for attempt in (DeviceFolder(tmp_path).identity, lambda: DeviceFolder(tmp_path).enrol(SWAHILI)):
        with pytest.raises(Damaged, match=rf"{IDENTITY_FILE} is damaged.*; remove "):
            attempt()


@pytest.mark.parametrize("content", [b"", b"{", b'{"task":{}}', b"\xff"])
def test_a_damaged_plan_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    folder = DeviceFolder(tmp_path)
    folder.save_plan(content)
    with pytest.raises(Damaged, match=rf"{PLAN_FILE} is damaged; join the federation again"):
        folder.plan()


@pytest.mark.parametrize("cut", [0, 3, -1])
def test_a_damaged_prompt_is_named(tmp_path: Path, cut: int) -> None:
    folder = DeviceFolder(tmp_path)
    folder.save_prompt(prompt_of(PLAN)[:cut])
    with pytest.raises(BadData, match=PROMPT_FILE):
        folder.prompt()


def test_a_prompt_of_another_plan_is_not_used_with_this_one(tmp_path: Path) -> None:
    """A federation that was set up again sends its plan before its first prompt."""
    folder = DeviceFolder(tmp_path)
    folder.save_plan(plan_to_json(PLAN))
    folder.save_prompt(prompt_of(PLAN))
    folder.save_plan(plan_to_json(OTHER_PLAN))
    with pytest.raises(Incompatible):
        kept_model(folder)


# ---- its personal prompt


def folder_with_prompts(path: Path, *, federated: int, own: int | None, plan: Plan = PLAN) -> DeviceFolder:
    folder = DeviceFolder(path)
    folder.enrol(SWAHILI)
    folder.save_plan(plan_to_json(plan))
    folder.save_prompt(prompt_of(plan, version=federated))
    if own is not None:
        folder.save_personal_prompt(prompt_of(PLAN, version=own))
    return folder


def test_a_new_device_has_no_personal_prompt(tmp_path: Path) -> None:
    assert DeviceFolder(tmp_path / "new").personal_prompt(PLAN) is None


def test_a_personal_prompt_is_used_instead_of_the_federations(tmp_path: Path) -> None:
    folder_with_prompts(tmp_path, federated=9, own=4)
    assert kept_model(DeviceFolder(tmp_path)).prompt.header.version == 4


def test_once_its_personal_prompt_is_forgotten_the_federations_counts(tmp_path: Path) -> None:
    folder = folder_with_prompts(tmp_path, federated=9, own=4)
    for _ in range(2):
        folder.forget_personal_prompt()
        assert folder.personal_prompt(PLAN) is None
        assert kept_model(DeviceFolder(tmp_path)).prompt.header.version == 9


def test_a_personal_prompt_for_another_plan_does_not_count(tmp_path: Path) -> None:
    """A federation that was set up again leaves the device with a prompt that it tuned for the one before."""
    folder = folder_with_prompts(tmp_path, federated=1, own=4, plan=OTHER_PLAN)
    assert folder.personal_prompt(OTHER_PLAN) is None
    assert folder.personal_prompt(PLAN) is not None
    model = kept_model(folder)
    assert (model.plan, model.prompt.header.version) == (OTHER_PLAN, 1)


@pytest.mark.parametrize("cut", [0, 3, -1])
def test_a_damaged_personal_prompt_is_named(tmp_path: Path, cut: int) -> None:
    folder = folder_with_prompts(tmp_path, federated=1, own=None)
    folder.save_personal_prompt(prompt_of(PLAN)[:cut])
    for attempt in (lambda: folder.personal_prompt(PLAN), lambda: kept_model(folder)):
        with pytest.raises(Damaged, match=rf"{PERSONAL_PROMPT_FILE} is damaged.*; join the federation again"):
            attempt()


@pytest.mark.parametrize(
    ("own", "plan", "used"),
    [(4, PLAN, "personal"), (None, PLAN, "federated"), (4, OTHER_PLAN, "federated")],
    ids=["own", "no own", "own for another plan"],
)
def test_status_tells_which_prompt_is_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own: int | None,
    plan: Plan,
    used: str,
) -> None:
    folder_with_prompts(tmp_path, federated=9, own=own, plan=plan)
    status = status_of(tmp_path, monkeypatch, capsys)
    assert (status["prompt_used"], status["prompt_version"], status["plan"]) == (used, 9, plan.digest)
    assert status["own_share"] == (0.5 if used == "personal" else 0.0)


def test_status_of_a_device_without_a_prompt_tells_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    DeviceFolder(tmp_path).enrol(SWAHILI)
    status = status_of(tmp_path, monkeypatch, capsys)
    assert (status["prompt_used"], status["prompt_version"]) == (None, None)


def test_status_names_the_broker_where_the_device_last_took_part_without_an_invitation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DeviceFolder(tmp_path)
    folder.enrol(SWAHILI)
    folder.save_broker("mqtt://broker.example:1883")
    assert status_of(tmp_path, monkeypatch, capsys)["broker"] == "mqtt://broker.example:1883"


def test_status_says_what_a_device_that_runs_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    DeviceFolder(tmp_path).enrol(SWAHILI)
    doing = Doing(link="no coordinator", phase="idle", waiting_for="no coordinator since 14:02", waiting_since=7.5)
    with owned(tmp_path, "--state-dir"):
        say(tmp_path, doing)
        status = status_of(tmp_path, monkeypatch, capsys)
    assert (status["running"], status["phase"]) == (True, "idle")
    assert (status["waiting_for"], status["waiting_since"]) == ("no coordinator since 14:02", 7.5)
    assert status_of(tmp_path, monkeypatch, capsys)["running"] is False


def status_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, str | float | None]:
    command = ["mfpt-edge", "status", "--lang", "sw", "--state-dir", str(folder), "--json"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    answer: dict[str, str | float | None] = json.loads(capsys.readouterr().out)
    return answer
