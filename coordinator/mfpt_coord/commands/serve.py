"""The command `mfpt-coord serve`. It imports what it runs, so that `--help` answers at once."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_coord.commands.options import (
    BrokerOption,
    CaFileOption,
    CertOption,
    DataDirOption,
    DistancesOption,
    KeyOption,
    ProxyOption,
    RetryOption,
)
from mfpt_shared.stopping import stopped_on_request

if TYPE_CHECKING:
    from mfpt_coord.server.broker_config import Certificate
    from mfpt_coord.server.web import Page


@stopped_on_request("everything is saved, and the same command continues from here")
def serve(
    plan: Annotated[
        Path | None,
        typer.Option(help="Plan file. By default the plan in the data folder, or the cldr preset for a new one."),
    ] = None,
    broker: BrokerOption = None,
    retry: RetryOption = None,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT for the embedded broker; port 0 takes a free one.")
    ] = "127.0.0.1:1883",
    is_open: Annotated[
        bool | None,
        typer.Option(
            "--open/--closed",
            help="Whether devices take part without an invitation. By default only on this machine.",
            show_default=False,
        ),
    ] = None,
    advertise: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST[:PORT]", help="Address that invitations name; repeatable. By default that of this machine."
        ),
    ] = None,
    websocket: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Serve WebSockets there as well, such as 0.0.0.0:443.")
    ] = None,
    tls: Annotated[
        bool | None,
        typer.Option(
            "--tls/--no-tls",
            help="Serve TLS, with a certificate of its own that invitations vouch for. By default where devices are "
            "invited and others can reach the broker.",
            show_default=False,
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TLS certificate of the embedded broker, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Private key of --tls-cert, PEM.")] = None,
    mosquitto: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with the accounts of --broker, a Mosquitto, to keep up to date."),
    ] = None,
    data_dir: DataDirOption = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="PostgreSQL database for the state, postgresql://user@host/database, instead of a file in the data "
            "folder. Where several coordinators share one, one works and the others stand by.",
        ),
    ] = None,
    folds: Annotated[int | None, typer.Option(min=1, help="Stop after this many new versions.")] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="forever|DURATION",
            help="How long folded updates and replaced prompts are kept, such as 30d. By default not at all.",
        ),
    ] = None,
    forget_devices: Annotated[
        str,
        typer.Option(
            metavar="never|DURATION",
            help="After how long without a word a device that nobody invited is forgotten; what it contributed stays.",
        ),
    ] = "365d",
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve figures for Prometheus at /metrics, with /healthz and /readyz, over plain HTTP; a port alone: "
            "for this machine only.",
        ),
    ] = None,
    web: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve the operator's page there; a port alone: for this machine only; elsewhere it has TLS.",
        ),
    ] = None,
    distances: DistancesOption = None,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
) -> None:
    """Run a coordinator, with a broker of its own unless --broker names one.

    Ctrl-C stops it, and the same command continues where it was.
    """
    from mfpt_coord.commands.durations import seconds_of
    from mfpt_coord.commands.places import checked_store
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_coord.presets import read_plan
    from mfpt_coord.server.broker import parse_listen
    from mfpt_coord.server.config import Offer, ServeConfig, default_data_dir
    from mfpt_coord.server.metrics.http_server import METRICS_PORT
    from mfpt_coord.server.reach import parse_advertised
    from mfpt_coord.server.serve import serve as run_serve
    from mfpt_coord.server.web import WEB_PORT
    from mfpt_shared.errors import UsageError
    from mfpt_shared.transport.connection import connection_if_named
    from mfpt_shared.transport.retries import FOREVER, parse_attempts
    from mfpt_shared.transport.security import Security

    if mosquitto is not None and broker is None:
        raise UsageError("--mosquitto is the folder of a broker's accounts: name the broker with --broker")
    if retry is not None and broker is None:
        raise UsageError("--retry is for a broker that may not be there yet: name it with --broker")
    run_serve(
        ServeConfig(
            data_dir=(data_dir or default_data_dir()).absolute(),
            plan=read_plan(plan) if plan else None,
            broker=connection_if_named(broker, os.environ, security=Security(ca_file, cert, key), proxy=proxy),
            attempts=parse_attempts(retry or FOREVER),
            listen=parse_listen(listen),
            folds=folds,
            offer=Offer(
                True if tls_cert is not None else tls,
                _certificate(tls_cert, tls_key),
                parse_listen(websocket, "--websocket", 443) if websocket else None,
            ),
            is_open=is_open,
            mosquitto=mosquitto,
            advertised=tuple(map(parse_advertised, advertise or ())),
            keep=_kept(keep),
            forget_devices=seconds_of(forget_devices),
            metrics=parse_listen(metrics, "--metrics", METRICS_PORT) if metrics else None,
            web=None if web is None else parse_listen(web, "--web", WEB_PORT),
            store=None if store is None else checked_store(store),
            distances=read_distances(distances) if distances else {},
        ),
        None if web is None else _page(),
    )


def _page() -> "Page":
    from mfpt_coord.page.serving import served

    return served


def _kept(text: str | None) -> float:
    """Return how long things are kept, seconds."""
    from mfpt_coord.commands.durations import seconds_of

    if text is None:
        return 0.0
    seconds = seconds_of(text, endless="forever")
    return math.inf if seconds is None else seconds


def _certificate(cert: Path | None, key: Path | None) -> "Certificate | None":
    from mfpt_coord.server.broker_config import Certificate
    from mfpt_shared.errors import UsageError

    if (cert is None) != (key is None):
        raise UsageError("--tls-cert and --tls-key belong together: give both")
    if cert is None or key is None:
        return None
    for file in (cert, key):
        if not file.is_file():
            raise UsageError(f"{file} does not exist")
    return Certificate(cert.absolute(), key.absolute())
