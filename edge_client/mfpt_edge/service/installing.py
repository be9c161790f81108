"""Installs and removes a device's service with the manager of this system, and tells how it stands."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.service import launchd, systemd, task_scheduler
from mfpt_edge.service.definition import Definition
from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import MfptError, NotInstalled, TimedOut
from mfpt_shared.folders import state_home
from mfpt_shared.system.services import Manager, service_manager
from mfpt_shared.system.users import this_user

SECONDS: Final = 90.0
"""Longest time that a manager may take for one command; it waits for a device that ends."""


class ServiceState(msgspec.Struct, frozen=True, kw_only=True):
    """How a service stands.

    Attributes:
        name: Name of the service.
        manager: What keeps it.
        file: File that describes it.
        installed: Whether that file is there.
        active: Whether the manager runs it; on macOS and Windows, whether the manager knows it.
    """

    name: str
    manager: Manager
    file: str
    installed: bool
    active: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How one manager is told about a service.

    Attributes:
        file: File that describes it.
        text: What is in the file.
        encoding: How that is encoded.
        install: Commands once the file is there.
        remove: Commands before it is removed.
        state: Command that succeeds while the service runs.
    """

    file: Path
    text: str
    encoding: str
    install: list[list[str]]
    remove: list[list[str]]
    state: list[str]


def way_of(service: Definition, manager: Manager, home: Path, config_home: Path) -> Way:
    """Return how a manager is told about a service.

    Args:
        service: The service.
        manager: The manager.
        home: The user's home.
        config_home: The user's `$XDG_CONFIG_HOME`.
    """
    user = this_user()
    number = user.number or 0
    match manager:
        case "systemd":
            return Way(
                systemd.unit_file(service, config_home),
                systemd.unit(service),
                "utf-8",
                systemd.install_commands(service),
                systemd.remove_commands(service),
                systemd.state_command(service),
            )
        case "launchd":
            return Way(
                launchd.agent_file(service, home),
                launchd.agent(service),
                "utf-8",
                launchd.install_commands(service, home, number),
                launchd.remove_commands(service, number),
                launchd.state_command(service, number),
            )
        case "task scheduler":
            return Way(
                task_scheduler.task_file(service, state_home()),
                task_scheduler.task(service, user.name),
                "utf-16",
                task_scheduler.install_commands(service, state_home()),
                task_scheduler.remove_commands(service),
                task_scheduler.state_command(service),
            )


def manager_here() -> Manager:
    """Return the manager of this system.

    Raises:
        NotInstalled: mfpt knows none here.
    """
    manager = service_manager()
    if manager is None:
        raise NotInstalled("mfpt has no services for this system: start `mfpt-edge join` by what your system has")
    return manager


def install(way: Way) -> None:
    """Describe a service to the manager, which starts it, now and from now on.

    Raises:
        MfptError: It cannot be described, or the manager refuses.
    """
    try:
        was_there = way.file.exists()
        way.file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(way.file, way.text.encode(way.encoding))
    except OSError as error:
        raise MfptError(f"cannot write {way.file}: {error.strerror}") from error
    try:
        for command in way.install:
            _run(command)
    except MfptError:
        if not was_there:  # else the manager may know the service from before
            way.file.unlink(missing_ok=True)
        raise


def remove(way: Way) -> None:
    """End a service, and let the manager forget it.

    Raises:
        MfptError: The manager refuses.
    """
    for command in way.remove:
        _run(command)
    way.file.unlink(missing_ok=True)


def state_of(service: Definition, manager: Manager, way: Way) -> ServiceState:
    """Return how a service stands."""
    installed = way.file.exists()
    try:
        active = installed and _finished(way.state).returncode == 0
    except MfptError:
        active = False
    return ServiceState(name=service.name, manager=manager, file=str(way.file), installed=installed, active=active)


def _run(command: Sequence[str]) -> None:
    done = _finished(command)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise MfptError(f"{' '.join(command)} failed: {said[-1] if said else f'exit code {done.returncode}'}")


def _finished(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=SECONDS)
    except FileNotFoundError as error:
        raise NotInstalled(
            f"this system has no {command[0]}; --print shows the description, for what starts programs here"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"{' '.join(command)} did not end within {SECONDS:g} s") from error
