"""The command `mfpt-coord invite`. It imports what it runs, so that `--help` answers at once."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption
from mfpt_shared.command_line import say, say_data

if TYPE_CHECKING:
    from mfpt_coord.server.orders import Invitation


def invite(
    lang: Annotated[
        str | None, typer.Option(help="Language to which the devices are bound. By default each names its own.")
    ] = None,
    role: Annotated[
        Literal["device", "reader", "monitor"],
        typer.Option(help="device: trains; reader: fetches prompts; monitor: also sees the status."),
    ] = "device",
    uses: Annotated[int, typer.Option(min=1, max=10_000, help="Number of devices that it admits.")] = 1,
    expires: Annotated[
        str, typer.Option(help="How long it can be used: a number and s, m, h or d; never, for no limit.")
    ] = "7d",
    max_examples: Annotated[
        int | None, typer.Option(min=1, help="Largest number of examples that counts for one device.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Name or address at which the devices reach the broker.")] = None,
    data_dir: DataDirOption = None,
    qr: Annotated[
        bool | None,
        typer.Option("--qr/--no-qr", help="Draw a QR code too. By default on a terminal.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Invite devices to a federation that runs: prints one line, to be given to `mfpt-edge join`.

    Whoever has the line can use it: send it as you would send a password.
    """
    import sys

    from mfpt_coord.commands.control import json_line, print_qr, report_of
    from mfpt_coord.commands.durations import seconds_of
    from mfpt_coord.server.orders import Invitation, Invite
    from mfpt_shared.languages import device_language

    order = Invite(
        language=None if lang is None else device_language(lang),
        role=role,
        uses=uses,
        seconds=seconds_of(expires),
        max_examples=max_examples,
        host=host,
    )
    made = report_of(data_dir, order, Invitation)
    if as_json:
        say_data(json_line(made))
        return
    say(made.line)
    if qr or (qr is None and sys.stdout.isatty()):
        print_qr(made.line)
    say(_explained(made), err=True)


def _explained(made: "Invitation") -> str:
    import time

    from mfpt_shared.languages import named

    count = f"{made.uses} {made.role}{'s' if made.uses > 1 else ''}"
    until = "" if made.expires is None else time.strftime(", until %Y-%m-%d %H:%M", time.localtime(made.expires))
    language = f" for {named(made.language)}" if made.language else ""
    return f"admits {count}{language}{until}; there: mfpt-edge join '…', with this line in quotes"
