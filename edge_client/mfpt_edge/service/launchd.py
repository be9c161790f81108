"""A service as an agent of launchd, on macOS: untested. Source: launchd.plist(5), launchctl(1)."""

import plistlib
from pathlib import Path

from mfpt_edge.service.definition import RESTART_SECONDS, Definition


def agent(service: Definition) -> str:
    """Return the text of the property list."""
    described = {
        "Label": _label(service),
        "ProgramArguments": list(service.command),
        "WorkingDirectory": str(service.folder),
        "EnvironmentVariables": dict(service.environment),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": RESTART_SECONDS,
        "ProcessType": "Background",
        "Nice": 10,
        "StandardErrorPath": str(service.log),
    }
    return plistlib.dumps(described, sort_keys=False).decode()


def agent_file(service: Definition, home: Path) -> Path:
    """Return where the property list is, below the user's home."""
    return home / "Library" / "LaunchAgents" / f"{_label(service)}.plist"


def install_commands(service: Definition, home: Path, user: int) -> list[list[str]]:
    """Return what makes launchd start the agent, now and whenever the user logs in; `user` is the user's number."""
    return [["launchctl", "bootstrap", f"gui/{user}", str(agent_file(service, home))]]


def remove_commands(service: Definition, user: int) -> list[list[str]]:
    """Return what ends the service, before its property list is removed."""
    return [["launchctl", "bootout", f"gui/{user}/{_label(service)}"]]


def state_command(service: Definition, user: int) -> list[str]:
    """Return what succeeds while launchd knows the service."""
    return ["launchctl", "print", f"gui/{user}/{_label(service)}"]


def _label(service: Definition) -> str:
    return f"org.mfpt.{service.name}"
