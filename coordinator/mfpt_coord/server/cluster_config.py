"""The configuration of a NATS cluster that keeps everything on each of its nodes, as text.

Sources: NATS documentation, "Clustering", "JetStream Clustering" and "MQTT"; `stream_replicas` is what MQTT sessions,
retained and queued messages are kept with. A node's questions to JetStream keep their usual time limit of 5 s, unlike
the embedded broker's: one that goes to a node that has just died may never be answered.
"""

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath
from typing import Final, get_args

from mfpt_coord.access.accounts import COORDINATOR_USER, Role
from mfpt_coord.access.nats_tokens import permission
from mfpt_coord.access.rights import Rights, coordinator_rights, rights
from mfpt_coord.server.broker_config import MAX_CONNECTIONS, MAX_UNCONFIRMED, SILENT_SECONDS
from mfpt_shared.errors import UsageError
from mfpt_shared.transport.address import DEFAULT_USER

CLUSTER: Final = "mfpt"
MQTT_PORT: Final = 1883
ROUTE_PORT: Final = 6222
LARGEST: Final = 5
"""JetStream keeps at most five copies of anything."""
_ANY: Final = "+"


@dataclass(frozen=True, slots=True)
class Node:
    """One server of the cluster.

    Attributes:
        host: Name or IPv4 address at which the other nodes and the devices reach it.
        port: Port of MQTT.
        route: Port for the other nodes.
    """

    host: str
    port: int = MQTT_PORT
    route: int = ROUTE_PORT


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords of the coordinators, of all devices, and of the nodes among themselves."""

    coordinator: str
    devices: str
    nodes: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """What all nodes have in common.

    Attributes:
        nodes: All of them.
        federation: Name of the federation.
        secrets: Passwords.
        store: Folder in which a node keeps its messages, in one of its own name.
        max_payload: Longest message that is taken, bytes.
        listen: Address on which each node listens.
        monitor: Port on each node's own machine that answers `/healthz`; None: there is none.
        tls: Files with the certificate and the key of each node, on its own machine; None: no TLS.
    """

    nodes: tuple[Node, ...]
    federation: str
    secrets: Secrets
    store: PurePath
    max_payload: int
    listen: str = "0.0.0.0"  # noqa: S104 - devices are to reach it
    monitor: int | None = None
    tls: tuple[PurePath, PurePath] | None = None


def parse_nodes(texts: list[str]) -> tuple[Node, ...]:
    """Return nodes that are named as `HOST[:PORT[:ROUTE PORT]]`.

    Raises:
        UsageError: One is not of that form, or their number is none that can lose a node.
    """
    if len(texts) not in range(3, LARGEST + 1, 2):
        raise UsageError(f"a cluster has 3 or {LARGEST} nodes, not {len(texts)}: it works while more than half do")
    nodes = tuple(map(_node, texts))
    if len({(node.host, node.route) for node in nodes}) < len(nodes):
        raise UsageError("two of the --node options name the same one")
    return nodes


def _node(text: str) -> Node:
    host, *ports = text.split(":")
    numbers = [int(port) for port in ports if port.isascii() and port.isdigit() and 0 < int(port) < 2**16]
    if not host or not host.isprintable() or len(ports) > 2 or len(numbers) < len(ports):
        raise UsageError(f"--node {text!r} is none: give HOST, HOST:PORT or HOST:PORT:ROUTE_PORT")
    return Node(host, *numbers)


def node_name(index: int) -> str:
    """Return the name of a node, of which each cluster needs different ones."""
    return f"node{index + 1}"


def node_configuration(cluster: Cluster, index: int) -> str:
    """Return the text of the configuration file of one node, which holds passwords and must be private."""
    node = cluster.nodes[index]
    login = f"cluster:{cluster.secrets.nodes}"
    routes = [f"nats://{login}@{other.host}:{other.route}" for other in cluster.nodes if other is not node]
    lines = [
        f'server_name: "{node_name(index)}"',
        'listen: "127.0.0.1:-1"',  # nobody needs the native protocol
        f"max_payload: {cluster.max_payload}",
        f"max_connections: {MAX_CONNECTIONS}",
        *([] if cluster.monitor is None else [f'http: "127.0.0.1:{cluster.monitor}"']),  # it has no login
        "jetstream {",
        f"  store_dir: {json.dumps(str(cluster.store / node_name(index)))}",
        "  limits { default_max_consumers: -1 }",
        "}",
        "cluster {",
        f'  name: "{CLUSTER}"',
        f'  listen: "{cluster.listen}:{node.route}"',
        f'  authorization {{ user: "cluster", password: "{cluster.secrets.nodes}", timeout: {SILENT_SECONDS} }}',
        f"  routes: {json.dumps(routes)}",
        "}",
        "mqtt {",
        f'  listen: "{cluster.listen}:{node.port}"',
        f"  stream_replicas: {len(cluster.nodes)}",
        f"  max_ack_pending: {MAX_UNCONFIRMED}",
        f"  authorization {{ timeout: {SILENT_SECONDS} }}",
        *_tls(cluster.tls),
        "}",
        f"authorization {{ users: {json.dumps(_users(cluster))} }}",
    ]
    return "\n".join(lines) + "\n"


def _tls(files: tuple[PurePath, PurePath] | None) -> list[str]:
    if files is None:
        return []
    chain_file, key_file = (json.dumps(str(file)) for file in files)
    return [f"  tls {{ cert_file: {chain_file}, key_file: {key_file} }}"]


def _users(cluster: Cluster) -> list[dict[str, object]]:
    every = [rights(role, cluster.federation, _ANY) for role in get_args(Role)]
    devices = Rights(
        tuple(dict.fromkeys(chain.from_iterable(one.publish for one in every))),
        tuple(dict.fromkeys(chain.from_iterable(one.subscribe for one in every))),
    )
    known = (
        (COORDINATOR_USER, cluster.secrets.coordinator, coordinator_rights(cluster.federation)),
        (DEFAULT_USER, cluster.secrets.devices, devices),
    )
    return [
        {
            "user": user,
            "password": password,
            "permissions": {"publish": permission(may.publish), "subscribe": permission(may.subscribe)},
            "allowed_connection_types": ["MQTT", "MQTT_WS"],
        }
        for user, password, may in known
    ]
