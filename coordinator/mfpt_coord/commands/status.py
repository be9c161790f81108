"""The command `mfpt-coord status`. It imports what it runs, so that `--help` answers at once."""

import asyncio
import os
from typing import Annotated

import typer

from mfpt_coord.commands.options import (
    DEFAULT_BROKER,
    BrokerOption,
    CaFileOption,
    CertOption,
    DataDirOption,
    JsonOption,
    KeyOption,
    ProxyOption,
)


def status(
    broker: BrokerOption = None,
    federation: Annotated[
        str | None, typer.Option(help="Name of the federation, with --broker. By default: default.")
    ] = None,
    data_dir: DataDirOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing the status until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 5.0,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
) -> None:
    """Show a running federation: versions, languages, devices, staleness.

    Without --broker, the coordinator of the data folder is asked, or else a broker on this machine. The exit code is 3
    if the coordinator is not online, and "health" in JSON says more. With --watch, every change is a line if the output
    is JSON or not a terminal.
    """
    from mfpt_coord.commands.monitoring import seen_on_this_machine, seen_through_broker
    from mfpt_coord.commands.status_output import keep_showing, show_once
    from mfpt_coord.server.config import default_data_dir
    from mfpt_shared.control_socket import answers_in
    from mfpt_shared.errors import UsageError
    from mfpt_shared.plan import federation_name
    from mfpt_shared.stopping import stopped_on_request
    from mfpt_shared.transport.connection import parse_connection
    from mfpt_shared.transport.security import Security

    if data_dir is not None and (broker, federation) != (None, None):
        raise UsageError(
            "--data-dir names a coordinator on this machine, --broker and --federation another: leave one out"
        )
    folder = (data_dir or default_data_dir()).absolute()
    if data_dir is not None or (broker is None and federation is None and answers_in(folder)):
        sights = seen_on_this_machine(folder)
    else:
        security = Security(ca_file, cert, key)
        connection = parse_connection(broker or DEFAULT_BROKER, os.environ, security=security, proxy=proxy)
        sights = seen_through_broker(connection, federation_name(federation or "default"), timeout)
    if watch:
        with stopped_on_request("the federation goes on"):
            asyncio.run(keep_showing(sights, as_json=as_json))
    else:
        asyncio.run(show_once(sights, as_json=as_json))
