"""The log as a JSON object a line: whole, whatever it is about, and to the last word of a program."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from mfpt_shared.logs import JsonLines, lines_about, log_format_in
from mfpt_shared.refusals import Refusals


def written(message: str, **about: Any) -> dict[str, Any]:
    """Return what a JSON log says of a record."""
    record = logging.makeLogRecord({"name": "mfpt", "levelname": "WARNING", "created": 0.5, "msg": message, **about})
    line = JsonLines().format(record)
    assert len(line.splitlines()) == 1
    read: dict[str, Any] = json.loads(line)
    return read


def program(*arguments: str, body: str) -> "subprocess.CompletedProcess[str]":
    """Run a program whose one command is this."""
    script = (
        "import logging\nfrom mfpt_shared.command_line import run\nfrom mfpt_shared.errors import InUse\n"
        f"log = logging.getLogger('own')\ndef app():\n    {body}\nrun(app, 'prog')"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, timeout=30
    )


def test_a_line_has_time_level_logger_message_and_what_it_is_about() -> None:
    line = written("prompt %s", args=("kept",), device="d1", version=3, other="no")
    assert line == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "warning",
        "logger": "mfpt",
        "message": "prompt kept",
        "device": "d1",
        "version": 3,
    }


@pytest.mark.parametrize(
    "text", ["two\nlines", "two\u2028lines", "\x1b]0;title\x07", "half \ud800", '{"level": "info"}']
)
def test_no_text_of_others_breaks_a_line_or_moves_a_terminal(text: str) -> None:
    line = written(text, device=text)
    assert line["level"] == "warning"
    assert "\x1b" not in JsonLines().format(logging.makeLogRecord({"msg": text}))


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_lines_are_about_the_moment_at_which_they_are_written_unless_they_say_otherwise() -> None:
    kept, log, now = Kept(), logging.getLogger("mfpt"), {"version": 0, "device": "own"}
    logging.getLogger().addHandler(kept)
    try:
        with lines_about(lambda: now):
            for now["version"] in (1, 2):
                log.warning("trained")
            log.warning("gone", extra={"device": "other"})
        log.warning("afterwards")
    finally:
        logging.getLogger().removeHandler(kept)
    facts = [(vars(one).get("version"), vars(one).get("device")) for one in kept.records]
    assert facts == [(1, "own"), (2, "own"), (2, "other"), (None, None)]


def test_what_is_ignored_on_a_topic_of_a_device_is_about_that_device(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    refusals.note("forged", "mfpt/radio/client/d1/up", "signed by another", 0.0)
    refusals.note("damaged", "mfpt/radio/enrol/t1/up", "not a message", 0.0)
    assert [vars(record).get("device") for record in caplog.records] == ["d1", None]


@pytest.mark.parametrize(
    ("arguments", "given", "others"),
    [
        (["p", "join"], "text", ["p", "join"]),
        (["p", "join", "--log-format", "json", "--lang", "sw"], "json", ["p", "join", "--lang", "sw"]),
        (["p", "--log-format=json", "join"], "json", ["p", "join"]),
        (["p", "join", "--log-format"], "", ["p", "join"]),
        (["p", "predict", "--", "--log-format", "json"], "text", ["p", "predict", "--", "--log-format", "json"]),
    ],
)
def test_the_format_is_an_option_of_every_command(arguments: list[str], given: str, others: list[str]) -> None:
    assert log_format_in(arguments) == (given, others)


def test_the_last_word_of_a_program_is_a_json_line_too() -> None:
    ended = program("--log-format", "json", body="log.info('works'); raise InUse('taken')")
    first, last = map(json.loads, ended.stderr.splitlines())
    assert (ended.returncode, first["message"]) == (6, "works")
    assert (last["level"], last["message"]) == ("error", "taken")
    assert (last["exit_code"], last["error"]) == (6, "InUse")


def test_a_traceback_is_in_the_line_if_it_was_asked_for() -> None:
    ended = program("--log-format", "json", "--debug", body="raise InUse('taken')")
    (line,) = map(json.loads, ended.stderr.splitlines())
    assert "Traceback" in line["exception"]


def test_a_format_that_there_is_not_is_refused_in_plain_text() -> None:
    ended = program("--log-format", "xml", body="print('works')")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "prog: --log-format 'xml' is not a format: give text or json\n"
