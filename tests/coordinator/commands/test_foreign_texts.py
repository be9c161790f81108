"""Texts of devices in what the operator sees: as they are, without markup, and without moving the terminal."""

import io
import logging
import unicodedata

import pytest
from rich.console import RenderableType

from mfpt_coord.commands.device_table import print_devices
from mfpt_coord.commands.sight import Sight
from mfpt_coord.commands.status_view import render
from mfpt_coord.server.orders import DeviceEntry
from mfpt_shared.logs import LogLines
from mfpt_shared.protocol.messages import Alarm, ClientStatus, FederationStatus, LanguageStatus, UpdateCounts
from mfpt_shared.terminal import PlainConsole

HOSTILE = ["[/]", "[red]no colour", "a\x1b]0;x\x07b", "\x1b[2Jgone", "\u202etxet", "one\ntwo", "[link=http://x]here"]


def shown(what: RenderableType) -> str:
    stream = io.StringIO()
    PlainConsole(stream, width=200).print(what)
    return stream.getvalue()


def is_harmless(text: str) -> bool:
    kinds = {unicodedata.category(character) for character in text if character != "\n"}
    return kinds.isdisjoint({"Cc", "Cs", "Zl", "Zp"}) and "\u202e" not in text


def status_with(text: str) -> FederationStatus:
    device = ClientStatus(
        id=text, language=text, state="online", phase=text, progress=0.5, last_seen=0.0, examples=1, accuracy=None,
        device=text,
    )  # fmt: skip
    return FederationStatus(
        federation=text, plan=text, folds=0, buffer=0, buffer_size=1, started=0.0, updates=UpdateCounts(),
        staleness={}, languages={text: LanguageStatus(clients=1, examples=1, accuracy=None, contributed=0)},
        clients=[device], refused={text: 1}, alarms=[Alarm(kind="worse", subject=text, value=0.1, limit=0.5)],
        more_clients=13_300, more_languages=1800, more_online=1000,
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_the_status_shows_any_text_and_does_nothing_else(text: str) -> None:
    seen = shown(render(Sight(status_with(text), "online", 0.0, 1.0), now=1.0))
    assert is_harmless(seen)
    assert seen.count("[/]") == (10 if text == "[/]" else 0)


def test_the_status_says_how_many_are_not_listed() -> None:
    seen = shown(render(Sight(status_with("x"), "online", 0.0, 1.0), now=1.0))
    assert "not listed: 1,800 languages, 13,300 devices (1,000 of them online)" in seen


@pytest.mark.parametrize("text", HOSTILE)
def test_the_table_of_devices_shows_any_name_and_does_nothing_else(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = DeviceEntry(
        id="d1", name=text, role="device", language="swh",
        max_examples=None, at=0.0, token="t", fingerprint="f",
        revoked=None, online=False, last_seen=None,
    )  # fmt: skip
    print_devices([entry])
    assert is_harmless(capsys.readouterr().out)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_of_the_log_is_one_harmless_line(text: str) -> None:
    record = logging.LogRecord("mfpt", logging.INFO, __file__, 1, "a device says %s", (text,), None)
    line = LogLines("%(asctime)s %(message)s", "%H:%M:%S").format(record)
    assert "\n" not in line
    assert is_harmless(line)
