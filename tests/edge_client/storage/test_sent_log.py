"""What has left a device is kept: all that matters of it, no secret, and never more than the file may take."""

import itertools
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mfpt_edge.session.enrol import request
from mfpt_edge.storage import sent_log
from mfpt_edge.storage.sent_log import SentLog, read_sent
from mfpt_edge.storage.sent_report import MOST_SHOWN, MOST_STATES_SHOWN, SentReport, SentTotal
from mfpt_shared.base64url import encoded
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.protocol.codec import Decoded, encode
from mfpt_shared.protocol.messages import ClientState, Ready, Update, UpdateHeader
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_STATE, CLIENT_UP, Topic
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import PACKET_OVERHEAD
from support.session import FEDERATION, IDENTITY, SESSION
from support.systems import has_modes

LINE = InvitationLine(
    (BrokerAddress("radio.example", 8883, "mqtts"),),
    FEDERATION,
    encoded(bytes(8)),
    encoded(bytes(16)),
    SESSION.key.public,
)
READY = Ready(language="swh", examples=3, plan="p", backbone="b")
STATE = ClientState(state="online", language="swh")


def ticking() -> Callable[[], float]:
    seconds = itertools.count(1000)
    return lambda: float(next(seconds))


def opened(folder: Path) -> SentLog:
    return SentLog(folder, ticking())


def sealed(topic: Topic, message: Decoded) -> tuple[str, bytes]:
    path = topic.path(FEDERATION, IDENTITY.client)
    return path, seal(path, encode(message), SESSION.key)


def update(values: int) -> Update:
    header = UpdateHeader(sequence=1, language="swh", base_version=1, examples=3, plan="p", backbone="b")
    return Update(header, {"prompt": np.ones(values, np.float32)})


def numbers(report: SentReport) -> list[int]:
    return [message.number for message in report.messages]


def test_a_message_is_kept_with_its_time_its_topic_its_size_and_what_it_says(tmp_path: Path) -> None:
    path, payload = sealed(CLIENT_UP, READY)
    opened(tmp_path).note(path, payload)

    (message,) = read_sent(tmp_path).messages

    assert (message.number, message.at, message.kind) == (1, 1000.0, "ready")
    assert message.topic == f"client/{IDENTITY.client}/up"
    assert message.bytes == len(path) + len(payload) + PACKET_OVERHEAD
    assert message.payload_bytes == sum(part.bytes for part in message.parts) == len(payload)
    assert "3" in [part.value for part in message.parts if part.name == "examples"]


def test_a_later_run_goes_on_counting(tmp_path: Path) -> None:
    opened(tmp_path).note(*sealed(CLIENT_UP, READY))
    opened(tmp_path).note(*sealed(CLIENT_UP, READY))

    assert numbers(read_sent(tmp_path)) == [1, 2]


def test_a_report_lists_what_has_left_since_and_the_newest_if_that_is_much(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for _ in range(5):
        log.note(*sealed(CLIENT_UP, READY))

    assert numbers(read_sent(tmp_path, after=3)) == [4, 5]
    assert numbers(read_sent(tmp_path, most=2)) == [4, 5]
    assert numbers(read_sent(tmp_path, after=5)) == []


def test_states_leave_room_in_a_report_for_what_matters(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.note(*sealed(CLIENT_UP, READY))
    for _ in range(MOST_SHOWN):
        log.note(*sealed(CLIENT_STATE, STATE))

    kinds = [message.kind for message in read_sent(tmp_path).messages]
    assert kinds == ["ready", *["state"] * MOST_STATES_SHOWN]


@has_modes
def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    opened(tmp_path).note(*sealed(CLIENT_UP, READY))

    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_secrets_of_a_request_to_be_admitted_are_not_kept(tmp_path: Path) -> None:
    asked = request(LINE, SESSION, "n0nce")
    opened(tmp_path).note(asked.up, asked.payload)

    (file,) = tmp_path.iterdir()
    (message,) = read_sent(tmp_path).messages
    shown = {part.name: part.value for part in message.parts}
    assert set(shown["password"]) == set(shown["client"]) == set(shown["proof"]) == {"*"}
    assert message.payload_bytes == sum(part.bytes for part in message.parts) == len(asked.payload)
    assert SESSION.password not in str(message) + file.read_text()
    assert SESSION.mqtt_client not in str(message) + file.read_text()


@pytest.mark.parametrize("damage", [b"", b"\n", b"\xff\xfe", b'{"type":"message","number":"x"}\n', b"[" * 100_000])
def test_a_line_that_was_cut_short_or_damaged_costs_no_other(damage: bytes, tmp_path: Path) -> None:
    opened(tmp_path).note(*sealed(CLIENT_UP, READY))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + damage)

    opened(tmp_path).note(*sealed(CLIENT_UP, READY))

    assert numbers(read_sent(tmp_path)) == [1, 2]


def test_of_a_line_that_was_cut_short_nothing_is_shown(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.note(*sealed(CLIENT_UP, READY))
    log.note(*sealed(CLIENT_UP, READY))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-10])

    opened(tmp_path).note(*sealed(CLIENT_UP, READY))

    assert numbers(read_sent(tmp_path)) == [1, 2]


def test_a_full_disk_stops_no_message_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = opened(tmp_path / "missing")
    log.note(*sealed(CLIENT_UP, READY))
    log.note(*sealed(CLIENT_UP, READY))

    assert len(caplog.records) == 1
    assert "is not written down" in caplog.text


def test_the_file_stays_within_its_bounds_and_everything_stays_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_log, "MOST_BYTES", 40_000)
    log = opened(tmp_path)
    path, payload = sealed(CLIENT_UP, update(500))
    for _ in range(50):
        log.note(path, payload)

    (file,) = tmp_path.iterdir()
    report = read_sent(tmp_path)
    assert file.stat().st_size <= 40_000
    assert numbers(report)[-1] == 50
    assert 1 < len(report.messages) < 50
    assert report.totals == {"update": SentTotal(50, 50 * (len(path) + len(payload) + PACKET_OVERHEAD))}
    assert (report.since, report.last) == (1000.0, 50)


def test_states_do_not_push_out_what_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_log, "MOST_BYTES", 60_000)
    monkeypatch.setattr(sent_log, "MOST_STATES", 5)
    log = opened(tmp_path)
    log.note(*sealed(CLIENT_UP, READY))
    for _ in range(200):
        log.note(*sealed(CLIENT_STATE, STATE))

    report = read_sent(tmp_path)
    assert report.messages[0].kind == "ready"
    assert report.totals["state"].messages == 200 > len(report.messages)


def test_of_a_payload_that_is_very_long_the_size_alone_is_kept(tmp_path: Path) -> None:
    path, payload = sealed(CLIENT_UP, update(300_000))
    opened(tmp_path).note(path, payload)

    (message,) = read_sent(tmp_path).messages
    assert (message.kind, message.payload_bytes) == ("update", len(payload))
    assert (tmp_path / "sent.jsonl").stat().st_size < 1000


def test_without_a_file_nothing_has_left(tmp_path: Path) -> None:
    assert read_sent(tmp_path) == SentReport()
