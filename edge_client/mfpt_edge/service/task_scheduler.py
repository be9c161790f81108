"""A service as a task of the Task Scheduler, on Windows: untested. Source: MS-TSCH, 2.5; schtasks /create."""

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

from mfpt_edge.service.definition import RESTART_SECONDS, Definition

_NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_SETTINGS: Final = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",  # what it does on battery is a setting of the device
    "StopIfGoingOnBatteries": "false",
    "StartWhenAvailable": "true",
    "ExecutionTimeLimit": "PT0S",
    "Priority": "8",
}
_MOST_RESTARTS: Final = "255"  # the schema has a byte for it


def task(service: Definition, user: str) -> str:
    """Return the text of the task's XML, which is to be written in UTF-16.

    Args:
        service: What to run. The Task Scheduler has no variables for it: it gets those of the user.
        user: Name of the user at whose logon it starts.
    """
    root = ET.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})
    _add(root, "RegistrationInfo", {"Description": service.title})
    _add(ET.SubElement(root, "Triggers"), "LogonTrigger", {"Enabled": "true", "UserId": user})
    principal = {"UserId": user, "LogonType": "InteractiveToken", "RunLevel": "LeastPrivilege"}
    _add(ET.SubElement(root, "Principals"), "Principal", principal)
    settings = ET.SubElement(root, "Settings")
    _add(settings, "RestartOnFailure", {"Interval": f"PT{RESTART_SECONDS // 60}M", "Count": _MOST_RESTARTS})
    for name, value in _SETTINGS.items():
        ET.SubElement(settings, name).text = value
    program, *arguments = service.command
    command = {
        "Command": program,
        "Arguments": subprocess.list2cmdline(arguments),
        "WorkingDirectory": str(service.folder),
    }
    _add(ET.SubElement(root, "Actions"), "Exec", command)
    return '<?xml version="1.0" encoding="UTF-16"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def task_file(service: Definition, state_home: Path) -> Path:
    """Return where the XML is kept, below mfpt's own state."""
    return state_home / "services" / f"{service.name}.xml"


def install_commands(service: Definition, state_home: Path) -> list[list[str]]:
    """Return what registers the task, and starts it now."""
    file = str(task_file(service, state_home))
    return [
        ["schtasks", "/Create", "/TN", _path(service), "/XML", file, "/F"],
        ["schtasks", "/Run", "/TN", _path(service)],
    ]


def remove_commands(service: Definition) -> list[list[str]]:
    """Return what ends and removes the task, before its XML is removed."""
    return [
        ["schtasks", "/End", "/TN", _path(service)],
        ["schtasks", "/Delete", "/TN", _path(service), "/F"],
    ]


def state_command(service: Definition) -> list[str]:
    """Return what succeeds while the task is registered."""
    return ["schtasks", "/Query", "/TN", _path(service)]


def _path(service: Definition) -> str:
    return f"\\mfpt\\{service.name}"


def _add(parent: ET.Element, name: str, fields: dict[str, str]) -> None:
    """Add an element that holds one element for each field."""
    element = ET.SubElement(parent, name)
    for key, value in fields.items():
        ET.SubElement(element, key).text = value
