"""What the three managers of services are told: the very command, whatever is in it."""

import os
import plistlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from mfpt_edge.service import launchd, systemd, task_scheduler
from mfpt_edge.service.definition import Definition, check_arguments
from mfpt_shared.errors import UsageError

AWKWARD = ("--data", 'ana "x" 100% $HOME\\n.csv', "--text-column", "texte à lire\t")
SERVICE = Definition(
    federation="radio",
    language="swh",
    command=(sys.executable, "-m", "mfpt_edge", "join", "--lang", "swh", *AWKWARD),
    folder=Path("/home/ana/my 50% data"),
    log=Path("/home/ana/state/service.log"),
    environment={"MFPT_CACHE": "/home/ana/ca che"},
)
_TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def test_in_a_unit_of_systemd_nothing_of_a_command_is_a_variable_or_a_specifier() -> None:
    lines = systemd.unit(SERVICE).splitlines()
    (command,) = [line for line in lines if line.startswith("ExecStart=")]
    assert command.endswith('"--data" "ana \\"x\\" 100%% $$HOME\\\\n.csv" "--text-column" "texte à lire\\t"')
    assert "WorkingDirectory=/home/ana/my 50%% data" in lines
    assert 'Environment="MFPT_CACHE=/home/ana/ca che"' in lines


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze is here")
def test_systemd_finds_nothing_to_complain_about_in_its_unit(tmp_path: Path) -> None:
    service = replace(SERVICE, folder=tmp_path)
    file = systemd.unit_file(service, tmp_path)
    file.parent.mkdir(parents=True)
    file.write_text(systemd.unit(service), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", file],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if service.name in line]) == (0, [])


def test_launchd_reads_the_same_command_from_its_property_list() -> None:
    read = plistlib.loads(launchd.agent(SERVICE).encode())
    assert read["ProgramArguments"] == list(SERVICE.command)
    assert read["WorkingDirectory"] == str(SERVICE.folder)
    assert read["EnvironmentVariables"] == SERVICE.environment
    assert read["KeepAlive"] == {"SuccessfulExit": False}


def test_the_task_scheduler_reads_the_same_command_from_its_task() -> None:
    root = ET.fromstring(task_scheduler.task(SERVICE, "pc\\ana").encode("utf-16"))
    action = root.find(f"{_TASK}Actions/{_TASK}Exec")
    assert action is not None
    assert action.findtext(f"{_TASK}Command") == SERVICE.command[0]
    assert action.findtext(f"{_TASK}Arguments") == subprocess.list2cmdline(SERVICE.command[1:])
    assert root.findtext(f"{_TASK}Triggers/{_TASK}LogonTrigger/{_TASK}UserId") == "pc\\ana"
    assert root.findtext(f"{_TASK}Settings/{_TASK}StopIfGoingOnBatteries") == "false"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("mfpt://host:1/radio#token.secret.key",), {}),
        ((), {"MFPT_BROKER_PASSWORD": "secret"}),
        (("--broker", "mqtts://ana:secret@host:1"), {}),
        (("--broker=mqtts://ana:secret@host:1",), {}),
        ((), {"HTTPS_PROXY": "http://ana:secret@proxy:1"}),
    ],
    ids=["an invitation", "the broker's password", "one in an address", "the same after a =", "that of a proxy"],
)
def test_no_secret_enters_a_description(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="join"):
        check_arguments(arguments, environment)
