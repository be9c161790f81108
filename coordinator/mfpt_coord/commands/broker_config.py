"""The commands `mfpt-coord broker-config …`. They import what they run, so that `--help` answers at once."""

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mfpt_coord.commands.options import JsonOption
from mfpt_shared.command_line import say, say_data
from mfpt_shared.errors import UsageError
from mfpt_shared.system.names import as_argument, check_name

if TYPE_CHECKING:
    from mfpt_coord.access.rights import Rights

app = typer.Typer(help="Write what another broker than the embedded one needs.", no_args_is_help=True)

PASSWORD_FILE: Final = "coordinator.password"  # noqa: S105 - the name of a file
DEVICES_FILE: Final = "devices.password"

FederationOption = Annotated[str, typer.Option(metavar="NAME", help="Name of the federation, as the plan has it.")]


@app.command(epilog="Example: mfpt-coord broker-config mosquitto --out /etc/mosquitto/mfpt --listen 0.0.0.0:1883")
def mosquitto(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write to; it must not have such files yet.")],
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where Mosquitto listens.")] = "127.0.0.1:1883",
    federation: FederationOption = "default",
) -> None:
    """Write mosquitto.conf, its access file and its passwords, with a user for the coordinator."""
    from mfpt_coord.access.mosquitto import MosquittoFiles, configuration
    from mfpt_coord.server.broker import parse_listen
    from mfpt_shared.atomic import write_durably
    from mfpt_shared.plan import federation_name
    from mfpt_shared.protocol.frames import MAX_PAYLOAD
    from mfpt_shared.transport.address import PASSWORD_VARIABLE

    place, folder = parse_listen(listen), out.absolute()
    if place.port == 0:
        raise UsageError("--listen needs a port: Mosquitto takes no free one")
    if not str(folder).isprintable():
        raise UsageError(f"--out {str(folder)!r} has characters that mosquitto.conf cannot hold")
    if (folder / "mosquitto.conf").exists():
        raise UsageError(f"--out {folder} has a mosquitto.conf already; move it away, or choose another folder")
    check_name(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = secrets.token_urlsafe(16)
    MosquittoFiles(folder, federation_name(federation)).allow_coordinator(password)
    write_durably(folder / PASSWORD_FILE, f"{password}\n".encode())
    text = configuration(folder, place.port, place.host, MAX_PAYLOAD)
    write_durably(folder / "mosquitto.conf", text.encode())
    say(
        f"Give the files in {folder} to the user under which Mosquitto runs, then:\n"
        f"  mosquitto -c {as_argument(folder / 'mosquitto.conf')}\n"
        f"  {PASSWORD_VARIABLE}=$(cat {as_argument(folder / PASSWORD_FILE)}) "
        f"mfpt-coord serve --closed --broker mqtt://coord@{place} --mosquitto {as_argument(folder)}"
    )


@app.command(epilog="Example: mfpt-coord broker-config nats-cluster --out nodes --node a.net --node b.net --node c.net")
def nats_cluster(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write to; it must not have such files yet.")],
    node: Annotated[
        list[str],
        typer.Option(metavar="HOST[:PORT[:ROUTE]]", help="A node, and its ports of MQTT and for other nodes; 3 or 5."),
    ],
    listen: Annotated[str, typer.Option(metavar="HOST", help="Address on which nodes listen.")] = "0.0.0.0",  # noqa: S104 - devices are to reach it
    store: Annotated[Path, typer.Option(metavar="FOLDER", help="Where a node keeps messages.")] = Path("/var/lib/nats"),
    monitor: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port of /healthz, on a node's own machine.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate of a node, on its machine.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key.")] = None,
    federation: FederationOption = "default",
) -> None:
    """Write node1.conf and so on: a NATS cluster that keeps every message on each node, and two passwords."""
    from mfpt_coord.server.cluster_config import Cluster, Secrets, node_configuration, node_name, parse_nodes
    from mfpt_shared.atomic import write_durably
    from mfpt_shared.plan import federation_name
    from mfpt_shared.protocol.frames import MAX_PAYLOAD
    from mfpt_shared.transport.address import PASSWORD_VARIABLE

    nodes, folder = parse_nodes(node), out.absolute()
    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together")
    if (folder / f"{node_name(0)}.conf").exists():
        raise UsageError(f"--out {folder} has a {node_name(0)}.conf already; move it away, or choose another folder")
    check_name(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    given = Secrets(*(secrets.token_urlsafe(16) for _ in range(3)))
    tls = None if tls_cert is None or tls_key is None else (tls_cert, tls_key)
    cluster = Cluster(nodes, federation_name(federation), given, store, MAX_PAYLOAD, listen, monitor, tls)
    for index in range(len(nodes)):
        write_durably(folder / f"{node_name(index)}.conf", node_configuration(cluster, index).encode())
    write_durably(folder / PASSWORD_FILE, f"{given.coordinator}\n".encode())
    write_durably(folder / DEVICES_FILE, f"{given.devices}\n".encode())
    urls = ",".join(f"{'mqtts' if tls else 'mqtt'}://coord@{one.host}:{one.port}" for one in nodes)
    say(
        f"Give each node its file from {folder}, start nats-server -c FILE there, and then:\n"
        f"  {PASSWORD_VARIABLE}=$(cat {as_argument(folder / PASSWORD_FILE)}) mfpt-coord serve --closed "
        f"--store postgresql://… --broker {urls}\n"
        f"Devices get the password in {folder / DEVICES_FILE} as {PASSWORD_VARIABLE}, beside their invitation.\n"
        "Nodes talk to each other without TLS: let nobody else reach their route ports."
    )


@app.command(epilog="Example: mfpt-coord broker-config other --json")
def other(federation: FederationOption = "default", as_json: JsonOption = False) -> None:
    """Print what each user may publish and read, for the configuration of any other broker."""
    from mfpt_shared.plan import federation_name

    table = _rights(federation_name(federation))
    if as_json:
        users = [
            {"role": role, "user": user, "publish": may.publish, "subscribe": may.subscribe}
            for (role, user), may in table.items()
        ]
        say_data(json.dumps({"federation": federation, "users": users}))
        return
    for (role, user), may in table.items():
        say(f"{role}: user {user}")
        for verb, filters in (("publishes", may.publish), ("reads", may.subscribe)):
            say(f"  {verb:<9} {', '.join(filters) or 'nothing'}")
    say("Nobody has rights to any other topic, and nobody may connect under the MQTT client id of another user.")


def _rights(federation: str) -> "dict[tuple[str, str], Rights]":
    """Return what may be done, by role and user name.

    `<id>` is a device's id, `<lang>` its language, and `<token>` the id of an invitation's token.
    """
    from typing import get_args

    from mfpt_coord.access.accounts import COORDINATOR_USER, Role
    from mfpt_coord.access.rights import coordinator_rights, rights
    from mfpt_shared.invitation import INVITED
    from mfpt_shared.languages import LanguageCode

    found = {("coordinator", COORDINATOR_USER): coordinator_rights(federation)}
    for role in get_args(Role):
        key = "<token>" if role == "invitation" else "<id>"
        user = f"{INVITED}{key}" if role == "invitation" else key
        found[role, user] = rights(role, federation, key, LanguageCode("<lang>") if role == "device" else None)
    return found
