"""Where errors meet people: the streams of a program, its last line, and its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

SECONDS = 30
FULL = Path("/dev/full")
FOREIGN = "Bei ya mafuta ŋ, 𞤀𞤣𞤤𞤢𞤥"


def program(body: str, encoding: str = "utf-8", **streams: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run a program whose one command is this, with these streams."""
    script = f"import json, os, sys\nfrom mfpt_shared.command_line import run\ndef app():\n    {body}\nrun(app, 'prog')"
    given: Mapping[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=variables | {"PYTHONIOENCODING": encoding},
        timeout=SECONDS,
        check=False,
        **{**given, **streams},
    )


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("open('/no/such/file')", 1, "prog: /no/such/file: No such file or directory; it is missing"),
        ("raise MemoryError", 1, "prog: there is too little memory"),
        ("raise ConnectionResetError(104, 'Connection reset by peer')", 3, "prog: Connection reset by peer"),
        ("raise LookupError('nonsense')", 1, "prog: unexpected LookupError: nonsense (a bug; --debug shows where)"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(body: str, code: int, said: str) -> None:
    ended = program(body)
    assert ended.returncode == code
    assert ended.stderr.decode().startswith(said)
    assert ended.stderr.count(b"\n") == 1
    assert (b"a bug" in ended.stderr) == ("LookupError" in body)


@pytest.mark.parametrize("body", ["print('x')", "print('x', flush=True)"])
def test_a_standard_output_that_is_full_is_named(body: str) -> None:
    with FULL.open("wb") as full:
        ended = program(body, stdout=full)
    assert ended.returncode == 1
    assert ended.stderr == b"prog: standard output: No space left on device; make room there, or name another place\n"


@pytest.mark.parametrize("body", ["print('x')", "print('x', flush=True)"])
def test_a_program_that_nobody_reads_any_more_ends_quietly(body: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = program(body, stdout=writing)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_standard_error_that_is_full_changes_no_exit_code() -> None:
    with FULL.open("wb") as full:
        ended = program("raise ConnectionResetError(104, 'reset')", stderr=full)
    assert ended.returncode == 3


def test_a_log_that_nobody_reads_changes_no_exit_code() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = program("import logging; logging.getLogger('x').info('a line')", stderr=writing)
    os.close(writing)
    assert ended.returncode == 0


def test_json_stays_json_in_an_encoding_that_lacks_its_letters() -> None:
    ended = program(f"print(json.dumps({FOREIGN!r}, ensure_ascii=False))", encoding="ascii")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert json.loads(ended.stdout.decode("ascii")) == FOREIGN


def test_a_text_that_is_half_a_character_can_be_printed() -> None:
    ended = program(r"print('a\udcff')")
    assert (ended.returncode, ended.stdout) == (0, b"a\\udcff\n")


def test_closed_streams_are_empty_and_no_file_takes_their_place() -> None:
    body = "print('x'); print(sys.stdin.read()); sys.exit(os.open(os.devnull, os.O_RDONLY))"
    shell = ["/bin/sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', sys.executable]
    script = f"import os, sys\nfrom mfpt_shared.command_line import run\ndef app():\n    {body}\nrun(app, 'prog')"
    ended = subprocess.run([*shell, "-c", script], timeout=SECONDS, check=False)
    assert ended.returncode == 3


@pytest.mark.parametrize("option", ["-B", "-u"], ids=["buffered", "unbuffered"])
def test_a_standard_output_that_does_not_wait_is_waited_for(option: str) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    script = "from mfpt_shared.command_line import run\nrun(lambda: print('x' * 1_000_000), 'prog')"
    with (
        subprocess.Popen([sys.executable, option, "-c", script], stdout=writing) as process,
        os.fdopen(reading, "rb") as stream,
    ):
        os.close(writing)
        assert len(stream.read()) == 1_000_001
        assert process.wait(SECONDS) == 0


def test_debug_adds_the_traceback() -> None:
    script = "from mfpt_shared.command_line import run\nrun(lambda: 1 / 0, 'prog')"
    ended = subprocess.run([sys.executable, "-c", script, "--debug"], capture_output=True, timeout=SECONDS, check=False)
    assert b"Traceback" in ended.stderr
    assert ended.stderr.endswith(b"prog: unexpected ZeroDivisionError: division by zero (a bug; --debug shows where)\n")


@pytest.mark.parametrize(("command", "code"), [("serve", 0), ("predict", 130)])
def test_sigterm_before_a_service_runs_is_no_failure(command: str, code: int) -> None:
    script = (
        "import os, signal\nfrom mfpt_shared.command_line import run\n"
        "run(lambda: os.kill(os.getpid(), signal.SIGTERM), 'prog', services=('serve',))"
    )
    ended = subprocess.run([sys.executable, "-c", script, command], capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert len(ended.stderr.splitlines()) == 1
