"""The units in deploy/systemd: systemd takes them, and the programs take their command lines."""

import getpass
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from support.programs import run

UNITS: Final = sorted((Path(__file__).parent.parent.parent / "deploy" / "systemd").glob("*.service"))
PROGRAMS: Final = {"mfpt-coord": "mfpt_coord", "mfpt-edge": "mfpt_edge"}


def command_of(unit: Path) -> list[str]:
    """Return what a unit starts."""
    (line,) = [line for line in unit.read_text(encoding="utf-8").splitlines() if line.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart="))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_program_knows_the_options_with_which_a_unit_starts_it(unit: Path, tmp_path: Path) -> None:
    program, *arguments = command_of(unit)
    shown = run(tmp_path, PROGRAMS[Path(program).name], *arguments, "--help")  # an unknown option is found before
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    """It runs on a copy whose program and user are here."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze is here")
    program = command_of(unit)[0]
    text = unit.read_text(encoding="utf-8").replace(program, "/bin/true")
    copy = tmp_path / unit.name
    copy.write_text(text.replace("User=mfpt", f"User={getpass.getuser()}"), encoding="utf-8")
    verified = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_what_another_start_would_not_change_does_not_start_a_unit_again(unit: Path) -> None:
    assert "RestartPreventExitStatus=2 5 6 7" in unit.read_text(encoding="utf-8").splitlines()
