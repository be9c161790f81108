"""The operator of a coordinator that runs in a process of its own."""

import asyncio
import json
from pathlib import Path
from typing import Any

from mfpt_coord.server.control import ask
from mfpt_coord.server.orders import DeviceEntry, Devices, Invitation, Invite, ListDevices
from support.programs import run


class Operator:
    """Commands beside a coordinator that runs in a process of its own."""

    def __init__(self, home: Path, data: Path) -> None:
        self._home = home
        self._data = data

    async def does(self, *command: str) -> Any:
        """Run a command, and return what it says as JSON."""
        options = ("--data-dir", str(self._data), "--json")
        result = await asyncio.to_thread(run, self._home, "mfpt_coord", *command, *options)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    async def invites(self, **about: Any) -> str:
        """Make an invitation as the command does, without a process of its own."""
        report = await asyncio.to_thread(ask, self._data, Invite(**about))
        assert isinstance(report, Invitation)
        return report.line

    async def devices(self) -> dict[str, DeviceEntry]:
        report = await asyncio.to_thread(ask, self._data, ListDevices())
        assert isinstance(report, Devices)
        return {device.id: device for device in report.devices}
