"""The command `mfpt-coord serve`. It imports what it runs, so that `--help` answers at once."""

import os
from pathlib import Path
from typing import Annotated

import typer

from mfpt_coord.commands.options import (
    BrokerOption,
    CaFileOption,
    CertOption,
    DistancesOption,
    KeyOption,
    ProxyOption,
)


def serve(
    plan: Annotated[
        Path | None,
        typer.Option(help="Plan file. By default the plan in the data folder, or the cldr preset for a new one."),
    ] = None,
    broker: BrokerOption = None,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT for the embedded broker; port 0 takes a free one.")
    ] = "127.0.0.1:1883",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for everything that is kept. By default under the XDG state home.")
    ] = None,
    folds: Annotated[int | None, typer.Option(min=1, help="Stop after this many new versions.")] = None,
    distances: DistancesOption = None,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
) -> None:
    """Run a coordinator, with a broker of its own unless --broker names one.

    Ctrl-C stops it, and the same command continues where it was.
    """
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_coord.presets import read_plan
    from mfpt_coord.server.broker import parse_listen
    from mfpt_coord.server.config import ServeConfig, default_data_dir
    from mfpt_coord.server.serve import serve as run_serve
    from mfpt_shared.transport.connection import connection_if_named
    from mfpt_shared.transport.security import Security

    run_serve(
        ServeConfig(
            data_dir=(data_dir or default_data_dir()).absolute(),
            plan=read_plan(plan) if plan else None,
            broker=connection_if_named(broker, os.environ, security=Security(ca_file, cert, key), proxy=proxy),
            listen=parse_listen(listen),
            folds=folds,
            distances=read_distances(distances) if distances else {},
        )
    )
