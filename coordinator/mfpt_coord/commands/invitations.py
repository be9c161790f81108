"""The commands `mfpt-coord invitations …`. They import what they run, so that `--help` answers at once."""

from typing import Annotated

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption
from mfpt_shared.command_line import say_data

app = typer.Typer(help="Show and withdraw the invitations of a federation that runs.", no_args_is_help=True)


@app.command("list", epilog="Example: mfpt-coord invitations list --json")
def list_invitations(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show the invitations that were made, and how many devices each still admits. Their secrets are not kept."""
    from mfpt_coord.commands.control import json_line, report_of
    from mfpt_coord.commands.device_table import print_invitations
    from mfpt_coord.server.orders import Invitations, ListInvitations

    report = report_of(data_dir, ListInvitations(), Invitations)
    if as_json:
        say_data(json_line(report))
    else:
        print_invitations(report.invitations)


@app.command(epilog="Example: mfpt-coord invitations withdraw q7RkT2mZ")
def withdraw(
    token: Annotated[str, typer.Argument(metavar="ID", help="Id of the invitation, as `invitations list` shows it.")],
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nobody else in with an invitation: its line was lost, or went to the wrong people.

    Devices that it has admitted stay; exclude them with `mfpt-coord devices revoke`.
    """
    from mfpt_coord.commands.control import give_order
    from mfpt_coord.server.orders import WithdrawInvitation

    give_order(data_dir, WithdrawInvitation(token=token), f"invitation {token} admits nobody any more", as_json=as_json)
