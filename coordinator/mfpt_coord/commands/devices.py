"""The commands `mfpt-coord devices …`. They import what they run, so that `--help` answers at once."""

from typing import Annotated

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption
from mfpt_shared.command_line import say_data

app = typer.Typer(help="Show, rename and revoke the devices of a federation that runs.", no_args_is_help=True)

DeviceArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the device, as `devices list` shows it.")]


@app.command("list", epilog="Example: mfpt-coord devices list --json")
def list_devices(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show who was admitted: devices, readers and monitors."""
    from mfpt_coord.commands.control import json_line, report_of
    from mfpt_coord.commands.device_table import print_devices
    from mfpt_coord.server.orders import Devices, ListDevices

    report = report_of(data_dir, ListDevices(), Devices)
    if as_json:
        say_data(json_line(report))
    else:
        print_devices(report.devices)


@app.command(epilog="Example: mfpt-coord devices revoke 3f2a91c07b5e")
def revoke(device: DeviceArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Exclude a device, at once and for good.

    Updates of it that wait for the next version still count; nothing that comes later does. The invitation by which it
    came admits nobody any more.
    """
    from mfpt_coord.commands.control import give_order
    from mfpt_coord.server.orders import Revoke

    give_order(data_dir, Revoke(device=device), f"{device} is revoked", as_json=as_json)


@app.command(epilog="Example: mfpt-coord devices rename 3f2a91c07b5e 'phone of the school'")
def rename(
    device: DeviceArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name by which people know it.")],
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a device another name."""
    from mfpt_coord.commands.control import give_order
    from mfpt_coord.server.orders import Rename

    give_order(data_dir, Rename(device=device, name=name), f"{device} is now called {name!r}", as_json=as_json)
