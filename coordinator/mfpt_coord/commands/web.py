"""The commands `mfpt-coord web …`. They import what they run, so that `--help` answers at once."""

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption
from mfpt_shared.command_line import say, say_data

app = typer.Typer(help="The operator's page, which `mfpt-coord serve --web` serves.", no_args_is_help=True)


@app.command(epilog="Example: mfpt-coord web link --data-dir /var/lib/mfpt")
def link(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Print a link to the operator's page: it lets one browser in, within an hour.

    Whoever opens it can do there what you can do here, such as invite and revoke devices: give it to nobody else.
    """
    from mfpt_coord.commands.control import json_line, report_of
    from mfpt_coord.server.orders import MakeLink, PageLink

    made = report_of(data_dir, MakeLink(), PageLink)
    if as_json:
        say_data(json_line(made))
        return
    say(made.link)
    say("it lets one browser in, within an hour", err=True)
