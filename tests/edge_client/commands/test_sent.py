"""`mfpt-edge sent`: what has left a device, as its owner reads it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mfpt_edge.commands.app import app
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.sent_log import SentLog
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import ClientState, Ready
from mfpt_shared.protocol.seal import seal
from support.session import SESSION

UP = "mfpt/v1/radio/client/d1/up"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the state folder of a device that has published a state and has said that it is ready."""
    DeviceFolder(tmp_path).enrol(LanguageCode("swh"))
    log = SentLog(tmp_path, lambda: 1_750_000_000.0)
    said = (
        ClientState(state="online", language="swh", device="cpu \x1b[31m[bold]"),
        Ready(language="swh", examples=35, plan="p", backbone="b"),
    )
    for message in said:
        log.note(UP, seal(UP, encode(message), SESSION.key))
    return tmp_path


def printed(*arguments: str, folder: Path) -> str:
    result = CliRunner().invoke(app, ["sent", *arguments, "--lang", "sw", "--state-dir", str(folder)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_every_message_is_listed_with_its_kind_and_the_sum_of_all(folder: Path) -> None:
    shown = printed(folder=folder)

    assert [line.split()[0] for line in shown.splitlines() if line.strip()[:1].isdigit()] == ["1", "2"]
    assert "ready: 1 in all" in shown


def test_a_message_is_shown_field_by_field_with_what_it_takes_and_means(folder: Path) -> None:
    shown = " ".join(printed("2", folder=folder).split())

    assert "examples 13 35 how many training" in shown
    assert f"{len(seal(UP, encode(Ready(language='swh', examples=35, plan='p', backbone='b')), SESSION.key))}" in shown


def test_nothing_in_a_message_moves_the_terminal_or_is_taken_for_markup(folder: Path) -> None:
    shown = printed("1", folder=folder)

    assert "\x1b[31m" not in shown
    assert "[bold]" in shown


def test_as_json_there_is_all_of_it(folder: Path) -> None:
    report = json.loads(printed("--json", folder=folder))

    assert [message["number"] for message in report["messages"]] == [1, 2]
    assert all(sum(part["bytes"] for part in one["parts"]) == one["payload_bytes"] for one in report["messages"])
    assert report["totals"]["ready"]["messages"] == 1


def test_a_message_that_is_not_kept_is_a_mistake_of_whoever_asks(folder: Path) -> None:
    with pytest.raises(UsageError, match="message 3 is not kept"):
        printed("3", folder=folder)


def test_a_folder_without_a_device_is_one_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run `mfpt-edge join` first"):
        printed(folder=tmp_path)
