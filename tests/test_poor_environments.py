"""Commands in an environment that lacks something: a line that says what, and never a traceback or "a bug"."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import variables

pytestmark = pytest.mark.slow

TABLE = "text,label\nBei ya mafuta \u014b,politics\nMpira,sports\n"
COMMANDS = (
    "mfpt_edge data show --lang sw --labels politics,sports --data table.csv",
    "mfpt_edge join --lang sw --broker mqtt://127.0.0.1:1 --retry 1",
    "mfpt_coord plan init",
    "mfpt_coord devices list",
    "mfpt_coord serve --broker mqtt://127.0.0.1:1 --listen 127.0.0.1:nonsense",
)
FAULTS = {
    "nobody reads": "{program} | head -c 0",
    "standard output is full": "{program} > /dev/full",
    "no standard streams": "{program} <&- >&- 2> err; cat err >&2",
    "ascii": "PYTHONIOENCODING=ascii {program}",
    "an old locale": "LC_ALL=POSIX PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {program}",
    "few open files": "ulimit -n 10; {program}",
    "little memory": "ulimit -v 300000; {program}",
    "no folder to be in": "mkdir gone; cd gone; rmdir ../gone; {program}",
    "no home": "env -u HOME -u XDG_STATE_HOME -u MFPT_CACHE HOME=/proc/none {program}",
    "no folder for temporary files": "TMPDIR=/proc/none {program}",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_environment_lacks_is_told_as_that(tmp_path: Path, fault: str, command: str) -> None:
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    program = f"{shlex.quote(sys.executable)} -m {command}"
    ended = subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {FAULTS[fault].format(program=program)}"],
        cwd=tmp_path,
        env=variables(tmp_path / "home"),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert "a bug" not in ended.stderr
    assert ended.returncode in (0, 1, 2, 3, 7, 141)


def test_a_coordinator_for_which_no_broker_could_take_a_device_says_what_to_raise(tmp_path: Path) -> None:
    command = f"ulimit -n 64; {shlex.quote(sys.executable)} -m mfpt_coord serve --listen 127.0.0.1:0"
    ended = subprocess.run(
        ["/bin/bash", "-c", command], env=variables(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == ["mfpt-coord: Too many open files; raise the limit of open files (ulimit -n)"]
