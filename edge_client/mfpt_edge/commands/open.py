"""`mfpt-edge open`: the volunteer's page."""

from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_edge.commands.options import StateDirOption
from mfpt_shared.command_line import say
from mfpt_shared.stopping import stopped_on_request

if TYPE_CHECKING:
    from mfpt_edge.commands.join_config import JoinConfig
    from mfpt_edge.page.devices import Devices
    from mfpt_edge.page.runs import PageView, Wish


@stopped_on_request("devices of this page continue from here when it is opened again")
def open_page(
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the page's address, and open no browser.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port on this machine; default: a free one.")
    ] = 0,
    state_dir: StateDirOption = None,
) -> None:
    """Show a page in your browser: join, see how it goes, what left this device, pause, try it, leave.

    The page is for this machine alone, and needs no network. What it starts goes on until you press Ctrl-C here.
    """
    import asyncio

    from mfpt_edge.page.devices import Devices
    from mfpt_shared.folders import state_home

    devices = Devices(state_home() / "edge", state_dir.absolute() if state_dir else None)
    asyncio.run(_serve(devices, port, no_browser=no_browser))


async def _serve(devices: "Devices", port: int, *, no_browser: bool) -> None:
    import asyncio

    from mfpt_edge.page.server import page

    async with page(devices, _take_part, port) as shown:
        say(f"page: {shown.address()}")
        if not no_browser:
            await asyncio.to_thread(_open_browser, shown.address(once=True))
        await asyncio.Event().wait()


def _open_browser(address: str) -> None:
    """Open a browser; its command line can be seen, so the address should let in one browser only."""
    import webbrowser

    if not webbrowser.open(address):
        say("no browser could be opened: open the address above in one", err=True)


async def _take_part(wish: "Wish", view: "PageView") -> object:
    from mfpt_edge.commands.join import take_part

    return await take_part(_config(wish), view)


def _config(wish: "Wish") -> "JoinConfig":
    """Return what `mfpt-edge join` does by default, for somebody who wishes to take part."""
    import os

    from mfpt_edge.commands.join_config import Allowed, DataSource, JoinConfig, parse_limits, parse_retries
    from mfpt_edge.commands.reach import parse_reach
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.storage.device_folder import DeviceFolder
    from mfpt_shared.transport.security import Security

    broker = None if wish.invitation else DeviceFolder(wish.folder).broker()
    return JoinConfig(
        language=wish.language,
        federation=wish.federation,
        reach=parse_reach(broker, os.environ, security=Security(), proxy=None, invitation=wish.invitation),
        state_dir=wish.folder,
        data=DataSource(str(wish.examples) if wish.examples else None, Columns(), None),
        retries=parse_retries(None),
        limits=parse_limits("auto", None, "1GB", None, "2h", "2GB"),
        allowed=Allowed((), yes=False),
        rounds=None,
        leave_after=15 * 60.0,
        alone=True,
    )
