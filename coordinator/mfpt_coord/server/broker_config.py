"""The configuration of the embedded nats-server, as text."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_coord.access.accounts import COORDINATOR_USER
from mfpt_coord.access.nats_auth import ServerLogins
from mfpt_coord.access.nats_tokens import account_name, permission
from mfpt_coord.access.rights import coordinator_rights

# More than paho keeps in flight, so that the broker never waits for the coordinator.
MAX_UNCONFIRMED: Final = 4096
STORM_SECONDS: Final = 60
"""How long a subscription may take when a thousand devices come back at once; it is refused otherwise, after 5 s."""
LOG_BYTES: Final = 16 * 2**20
LOG_FILES: Final = 3
SILENT_SECONDS: Final = 2
"""Time that a connection has to say who it is, or it is closed."""
ANSWER_SECONDS: Final = 40
"""Time that the service for logins has to answer, or the login is refused. Whoever connects gives up before that, and
tries again: a service that is slow or away makes nobody believe that he is not wanted."""
MAX_CONNECTIONS: Final = 65_000
_IN_TIME: Final = f"authorization {{ timeout: {SILENT_SECONDS} }}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the broker listens; port 0 means a free one."""

    host: str = "127.0.0.1"
    port: int = 1883

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files with a TLS certificate (and those that vouch for it) and its private key, in PEM."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """What the embedded broker offers, and to how many.

    Attributes:
        max_payload: Longest message that is taken, bytes.
        max_connections: Connections at the same time, those that have not logged in included.
        certificate: Certificate of the server; None: no TLS.
        websocket: Where WebSockets are served, with the same certificate; None: nowhere.
    """

    max_payload: int
    max_connections: int = MAX_CONNECTIONS
    certificate: Certificate | None = None
    websocket: Listen | None = None


def configuration(
    directory: Path, listen: Listen, options: BrokerOptions, federation: str, logins: ServerLogins
) -> str:
    """Return the text of the configuration file, which holds passwords and must be private.

    Args:
        directory: Folder for everything that the server writes.
        listen: Where MQTT is served.
        options: What is offered.
        federation: Name of the federation.
        logins: Users that log in from this file; everybody else is asked about.
    """
    patience = f'js_api_timeout: "{STORM_SECONDS}s"'
    mqtt = [f"max_ack_pending: {MAX_UNCONFIRMED}", patience, _IN_TIME, *_tls(options.certificate)]
    lines = [
        'server_name: "mfpt"',
        'listen: "127.0.0.1:-1"',  # the native protocol, for the service that answers logins
        f"ports_file_dir: {_quoted(directory)}",
        f"pid_file: {_quoted(directory / 'nats.pid')}",
        f"log_file: {_quoted(directory / 'nats-server.log')}",
        f"log_size_limit: {LOG_BYTES}",
        f"logfile_max_num: {LOG_FILES}",
        f"max_payload: {options.max_payload}",
        f"max_connections: {options.max_connections}",
        "jetstream {",
        f"  store_dir: {_quoted(directory)}",
        "  limits { default_max_consumers: -1 }",
        "}",
        f"mqtt {{ listen: {_quoted(listen)}, {', '.join(mqtt)} }}",
        *_websocket(options),
        *_authorization(federation, logins),
    ]
    return "\n".join(lines) + "\n"


def _authorization(federation: str, logins: ServerLogins) -> list[str]:
    rights = coordinator_rights(federation)
    may = {"publish": permission(rights.publish), "subscribe": permission(rights.subscribe)}
    coordinator = {
        "user": COORDINATOR_USER,
        "password": logins.coordinator,
        "permissions": may,
        "allowed_connection_types": ["MQTT", "MQTT_WS"],
    }
    service = {"user": "auth", "password": logins.service, "allowed_connection_types": ["STANDARD"]}
    system = {"user": "sys", "password": logins.system, "allowed_connection_types": ["STANDARD"]}
    return [
        f"accounts {{ $SYS {{ users: [ {json.dumps(system)} ] }} }}",
        "authorization {",
        f"  timeout: {ANSWER_SECONDS}",
        "  users: [",
        f"    {json.dumps(service)}",
        f"    {json.dumps(coordinator)}",
        "  ]",
        f'  auth_callout {{ issuer: "{account_name(logins.key.public)}", '
        f'auth_users: [ "auth", "sys", "{COORDINATOR_USER}" ] }}',
        "}",
    ]


def _websocket(options: BrokerOptions) -> list[str]:
    if options.websocket is None:
        return []
    secured = _tls(options.certificate) or ["no_tls: true"]
    return [f"websocket {{ listen: {_quoted(options.websocket)}, {', '.join([_IN_TIME, *secured])} }}"]


def _tls(certificate: Certificate | None) -> list[str]:
    if certificate is None:
        return []
    return [f"tls {{ cert_file: {_quoted(certificate.chain)}, key_file: {_quoted(certificate.key)} }}"]


def _quoted(value: object) -> str:
    """Return a string in the server's format: that of JSON, but it does not know escapes of Unicode."""
    return json.dumps(str(value), ensure_ascii=False)
