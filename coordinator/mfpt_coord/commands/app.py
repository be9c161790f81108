"""The command line `mfpt-coord`: its commands, each in a module of its own."""

import os
from typing import Annotated

import typer

from mfpt_coord.commands import broker_config, db, devices, invitations, plan, web
from mfpt_coord.commands.audit import audit
from mfpt_coord.commands.export import export
from mfpt_coord.commands.history import history
from mfpt_coord.commands.invite import invite
from mfpt_coord.commands.languages import languages
from mfpt_coord.commands.rollback import rollback
from mfpt_coord.commands.serve import serve
from mfpt_coord.commands.simulate import simulate
from mfpt_coord.commands.status import status
from mfpt_shared.command_line import EPILOG, run, show_version

app = typer.Typer(
    name="mfpt-coord",
    help="Coordinate a federation: schedule devices, fold their updates, publish a prompt for every language.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(epilog="Example: mfpt-coord serve --listen 0.0.0.0:1883 --plan plan.toml --data-dir /var/lib/mfpt")(serve)
app.command(epilog="Example: mfpt-coord status --watch --broker mqtt://localhost:1883")(status)
app.command(epilog="Example: mfpt-coord invite --lang sw --uses 20 --expires 7d")(invite)
app.command(epilog="Example: mfpt-coord history --lang sw --data-dir /var/lib/mfpt")(history)
app.command(epilog="Example: mfpt-coord export prompts --data-dir /var/lib/mfpt")(export)
app.command(epilog="Example: mfpt-coord rollback --lang xho")(rollback)
app.command(epilog="Example: mfpt-coord audit --data-dir /var/lib/mfpt")(audit)
app.add_typer(invitations.app, name="invitations")
app.add_typer(devices.app, name="devices")
app.add_typer(db.app, name="db")
app.add_typer(plan.app, name="plan")
app.add_typer(web.app, name="web")
app.add_typer(broker_config.app, name="broker-config")
app.command(epilog="Example: mfpt-coord languages swh zul yor --metrics genetic,script --plot distances.svg")(languages)
app.command(
    epilog="Example: mfpt-coord simulate --data sib200 --preset sib200 --languages swh,zul,yor --examples 35 --jobs 2"
)(simulate)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, and exit.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself."""
    del version


def main() -> None:
    """Run the command line."""
    # A fold reads every delta once: more threads than one only wait for memory, or for one another where others work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    run(app, "mfpt-coord", services=("serve",))
