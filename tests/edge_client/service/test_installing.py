"""A service is described to the manager and then started; what the manager says against it is told."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mfpt_edge.service.definition import Definition
from mfpt_edge.service.installing import install, remove, state_of, way_of
from mfpt_shared.errors import MfptError, NotInstalled
from support.systems import IS_WINDOWS

with_a_shell = pytest.mark.skipif(IS_WINDOWS, reason="only systems with a shell have it")
SERVICE = Definition("radio", "swh", ("python", "-m", "mfpt_edge", "join"), Path("/"), Path("/log"))


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what a systemctl notes down that does everything, except for what a file named `refuses` names."""
    program, said = tmp_path / "bin" / "systemctl", tmp_path / "said"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {said}\nif grep -qs -- "$2" {tmp_path}/refuses; then echo "no bus" >&2; exit 1; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return said


@with_a_shell
def test_the_unit_is_there_before_systemd_is_told_and_gone_after_it_was_ended(tmp_path: Path, systemctl: Path) -> None:
    way = way_of(SERVICE, "systemd", tmp_path, tmp_path / "config")
    install(way)
    assert way.file.read_text() == way.text
    assert state_of(SERVICE, "systemd", way).active
    remove(way)
    assert not way.file.exists()
    assert not state_of(SERVICE, "systemd", way).installed
    name = "mfpt-edge-radio-swh"
    assert systemctl.read_text().splitlines() == [
        "--user daemon-reload",
        f"--user enable --now {name}",
        f"--user is-active --quiet {name}",
        f"--user disable --now {name}",
    ]


@with_a_shell
def test_what_the_manager_says_against_it_is_told_and_nothing_is_installed(tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "refuses").write_text("enable\n")
    way = way_of(SERVICE, "systemd", tmp_path, tmp_path / "config")
    with pytest.raises(MfptError, match=r"systemctl --user enable .* failed: no bus"):
        install(way)
    assert systemctl.exists()
    assert not way.file.exists()


def test_where_the_manager_is_missing_the_description_can_still_be_printed(tmp_path: Path) -> None:
    way = replace(way_of(SERVICE, "launchd", tmp_path, tmp_path), install=[["mfpt-no-such-manager"]])
    with pytest.raises(NotInstalled, match="--print"):
        install(way)
