"""What a plan may make a device open, download and spend: nothing that its owner has not allowed."""

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mfpt_edge.commands.asking import OwnerAtTerminal
from mfpt_edge.commands.join_config import Allowed, DataSource, JoinConfig, Limits, Retries
from mfpt_edge.commands.loading import load
from mfpt_edge.commands.prepare import courtesy_of, prepare
from mfpt_edge.commands.reach import Reach
from mfpt_edge.data.columns import Columns
from mfpt_edge.storage.answers import Answers
from mfpt_shared.errors import DatasetError, Incompatible, MfptError, NotAllowed, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.proxy import Proxies
from mfpt_shared.transport.security import Security

LABELS: Final = ("good", "bad")
HUB: Final = BackboneSpec(uri="hf:org/name")


@pytest.fixture
def config(tmp_path: Path) -> JoinConfig:
    data = tmp_path / "own.csv"
    data.write_text("text,label\n" + "".join(f"text {row},{LABELS[row % 2]}\n" for row in range(40)), encoding="utf-8")
    return JoinConfig(
        language=LanguageCode("swh"),
        federation="test",
        reach=Reach(None, Connection((BrokerAddress("127.0.0.1", 1),)), None, Security(), Proxies(), None),
        state_dir=tmp_path / "state",
        data=DataSource(str(data), Columns(), None),
        retries=Retries(1, 1),
        limits=Limits("cpu", 1, 0, None, round_seconds=60.0, download=2_000_000_000),
        allowed=Allowed((), yes=False),
        rounds=1,
        leave_after=0.0,
        alone=False,
    )


def asking(backbone: BackboneSpec, data: str = "") -> Plan:
    return Plan(task=Task(labels=LABELS, data=data), backbone=backbone)


def refused(config: JoinConfig, plan: Plan) -> str:
    with pytest.raises(NotAllowed) as caught:
        prepare(config, plan, OwnerAtTerminal(), courtesy_of(config.limits), load)
    return str(caught.value)


def ending(config: JoinConfig, plan: Plan) -> MfptError:
    """Return the error that loading ends with; the hub is out of reach, so there is always one."""
    with pytest.raises(MfptError) as caught:
        prepare(config, plan, OwnerAtTerminal(), courtesy_of(config.limits), load)
    return caught.value


@pytest.mark.parametrize("uri", ["path:{0}", "gguf:{0}/model.gguf"])
def test_a_path_that_the_owner_did_not_name_is_not_opened(config: JoinConfig, tmp_path: Path, uri: str) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "model.gguf").write_bytes(b"secret")
    message = refused(replace(config, allowed=Allowed(("path:/else",), yes=True)), asking(_spec(uri.format(private))))
    assert "--allow-backbone" in message


def test_a_path_that_the_owner_named_is_opened(config: JoinConfig, tmp_path: Path) -> None:
    uri = f"path:{tmp_path}/sub/../model"
    error = ending(replace(config, allowed=Allowed((f"path:{tmp_path}/model",), yes=False)), asking(_spec(uri)))
    assert isinstance(error, UsageError)
    assert "does not exist" in str(error)


def test_without_a_terminal_a_hub_backbone_is_refused_and_the_option_named(config: JoinConfig) -> None:
    message = refused(config, asking(HUB))
    assert "backbone hf:org/name" in message
    assert "--yes" in message
    assert Answers(config.state_dir).given() == frozenset()


def test_data_of_the_hub_that_the_plan_names_needs_the_owners_word_too(config: JoinConfig) -> None:
    without_data = replace(config, data=DataSource(None, Columns(), None))
    assert "data hf:org/set" in refused(without_data, asking(BackboneSpec(), "hf:org/set"))


def test_yes_answers_and_the_answer_is_remembered_for_this_source_alone(config: JoinConfig) -> None:
    assert isinstance(ending(replace(config, allowed=Allowed((), yes=True)), asking(HUB)), UsageError)
    file = config.state_dir / "allowed.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "cannot be fetched" in str(ending(config, asking(HUB)))
    assert "hf:org/name@other" in refused(config, asking(BackboneSpec(uri="hf:org/name@other")))


def test_a_damaged_file_of_answers_allows_nothing(config: JoinConfig) -> None:
    Answers(config.state_dir).add("backbone hf:org/name")
    (config.state_dir / "allowed.json").write_bytes(b"[[[\xff")
    assert "--yes" in refused(config, asking(HUB))


@pytest.mark.parametrize(("typed", "allowed"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_the_owner_is_asked_once(
    config: JoinConfig, monkeypatch: pytest.MonkeyPatch, typed: str, allowed: bool
) -> None:
    screen, inner = os.openpty()
    with os.fdopen(inner, "r", encoding="utf-8") as keys, os.fdopen(os.dup(inner), "w", encoding="utf-8") as shown:
        monkeypatch.setattr("sys.stdin", keys)
        monkeypatch.setattr("sys.stderr", shown)
        os.write(screen, typed.encode())
        error = ending(config, asking(HUB))
        text = ""
        while "[y/N]" not in text:
            text += os.read(screen, 65536).decode()
    os.close(screen)
    assert isinstance(error, UsageError if allowed else NotAllowed)
    assert "backbone hf:org/name" in text
    assert "2.0 GB at most (--max-download)" in text
    assert "[y/N]" in text
    assert (Answers(config.state_dir).given() != frozenset()) == allowed


def test_a_data_set_named_like_a_folder_here_is_not_read(
    config: JoinConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "Documents"
    private.mkdir()
    (private / "train.csv").write_text("text,label\nmine,good\nmine too,bad\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    willing = replace(config, data=DataSource(None, Columns(), None), allowed=Allowed((), yes=True))
    error = ending(willing, asking(BackboneSpec(), "hf:Documents"))
    assert isinstance(error, UsageError)
    assert not isinstance(error, DatasetError)
    assert "in this folder too" in str(error)


def test_a_prompt_that_takes_more_memory_than_is_given_is_refused_before_anything_is_loaded(config: JoinConfig) -> None:
    plan = Plan(task=Task(labels=LABELS), prompt=PromptSpec(method="p-tuning", encoder_width=65_536))
    given = replace(config, limits=replace(config.limits, memory=2_000_000_000))
    assert "--memory" in refused(given, plan)


def test_weights_that_take_more_memory_than_is_given_are_not_loaded(config: JoinConfig, tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.truncate(3_000_000_000)
    uri = f"path:{tmp_path}"
    given = replace(config, limits=replace(config.limits, memory=2_000_000_000), allowed=Allowed((uri,), yes=False))
    assert "3.0 GB" in refused(given, asking(_spec(uri)))


def test_what_is_given_and_what_is_asked_is_said_before_anything_is_loaded(
    config: JoinConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    uri = f"path:{tmp_path}"
    (tmp_path / "model.safetensors").write_bytes(b"none")
    given = replace(config, limits=replace(config.limits, memory=2_000_000_000), allowed=Allowed((uri,), yes=False))
    assert isinstance(ending(given, asking(_spec(uri))), (UsageError, Incompatible))
    assert (
        "This device gives at most 2.0 GB of memory, 60 s a round, 0.0 GB of disk, and downloads 2.0 GB." in caplog.text
    )
    assert f"The plan asks for 9 steps of 16 texts a round with '{uri}'." in caplog.text


def _spec(uri: str) -> BackboneSpec:
    return BackboneSpec(uri=uri, width=64, layers=4)
