"""The output of `mfpt-coord devices list` and `invitations list`, for people."""

import time
from collections.abc import Sequence

from rich import box
from rich.table import Table

from mfpt_coord.commands.status_view import ago
from mfpt_coord.server.orders import DeviceEntry, InvitationEntry
from mfpt_shared.terminal import PlainConsole
from mfpt_shared.texts import printable


def print_devices(devices: Sequence[DeviceEntry]) -> None:
    """Print who was admitted as a table; `--json` says more."""
    table = Table("id", "name", "role", "language", "state", "admitted", box=box.SIMPLE)
    now = time.time()
    for one in devices:
        row = (one.id, one.name, one.role, one.language or "", _state(one, now), ago(now - one.at))
        table.add_row(*map(printable, row))
    PlainConsole().print(table if devices else "nobody was admitted yet; invite devices with mfpt-coord invite")


def print_invitations(invitations: Sequence[InvitationEntry]) -> None:
    """Print invitations as a table; `--json` says more."""
    table = Table("id", "for", "language", "admitted", "left", "expires", box=box.SIMPLE)
    now = time.time()
    for one in invitations:
        row = (one.id, one.role, one.language or "", str(one.admitted), str(one.uses), _expiry(one, now))
        table.add_row(*map(printable, row))
    PlainConsole().print(table if invitations else "nobody was invited yet; invite devices with mfpt-coord invite")


def _expiry(invitation: InvitationEntry, now: float) -> str:
    if invitation.expires is None:
        return "never"
    if invitation.expires <= now:
        return "expired"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(invitation.expires))


def _state(device: DeviceEntry, now: float) -> str:
    if device.revoked is not None:
        return f"revoked {ago(now - device.revoked)}"
    if device.online:
        return "online"
    return "never seen" if device.last_seen is None else f"seen {ago(now - device.last_seen)}"
