"""A service as a user unit of systemd. Source: systemd.service(5), systemd.exec(5), systemd.syntax(7)."""

from pathlib import Path

from mfpt_edge.service.definition import FINAL_CODES, RESTART_SECONDS, Definition


def unit(service: Definition) -> str:
    """Return the text of the unit."""
    environment = "".join(f"Environment={_quoted(f'{key}={value}')}\n" for key, value in service.environment.items())
    return f"""\
[Unit]
Description={_escaped(service.title)}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={" ".join(_argument(one) for one in service.command)}
WorkingDirectory={_escaped(str(service.folder))}
{environment}Restart=on-failure
RestartSec={RESTART_SECONDS}
RestartPreventExitStatus={" ".join(map(str, FINAL_CODES))}
TimeoutStopSec=60
Nice=10

[Install]
WantedBy=default.target
"""


def unit_file(service: Definition, config_home: Path) -> Path:
    """Return where the unit is, below the user's `$XDG_CONFIG_HOME`."""
    return config_home / "systemd" / "user" / f"{service.name}.service"


def install_commands(service: Definition) -> list[list[str]]:
    """Return what makes systemd start the unit, now and whenever the user logs in."""
    return [["systemctl", "--user", "daemon-reload"], ["systemctl", "--user", "enable", "--now", service.name]]


def remove_commands(service: Definition) -> list[list[str]]:
    """Return what ends the service, before its unit is removed."""
    return [["systemctl", "--user", "disable", "--now", service.name]]


def state_command(service: Definition) -> list[str]:
    """Return what succeeds while the service runs."""
    return ["systemctl", "--user", "is-active", "--quiet", service.name]


def _argument(text: str) -> str:
    """Return an argument of a command: nothing in it is a variable."""
    return _quoted(text).replace("$", "$$")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{_escaped(escaped)}"'


def _escaped(text: str) -> str:
    """Return a text in which nothing is a specifier."""
    return text.replace("%", "%%")
