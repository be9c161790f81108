"""`mfpt-coord audit`: which operator did what, and when."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from mfpt_coord.commands.options import DataDirOption, JsonOption, StoreOption

if TYPE_CHECKING:
    from rich.table import Table

    from mfpt_coord.core.audit import Actor, Deed

_WORDS: Final = {
    "start": "started serve",
    "invite": "made invitation",
    "withdraw": "withdrew invitation",
    "revoke": "revoked device",
    "rename": "renamed device",
    "plan": "applied plan",
    "rollback": "rolled back",
    "restore": "restored a backup",
    "forget": "forgot devices",
}


def audit(data_dir: DataDirOption = None, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show who started the coordinator, invited, revoked, renamed, changed the plan, rolled back or restored, and when.

    It names the user of this machine who gave the order. The newest 10,000 lines are kept. Works while the coordinator
    runs.
    """
    import msgspec

    from mfpt_coord.commands.places import place_of
    from mfpt_coord.server.stored_audit import deeds
    from mfpt_coord.server.stored_reading import read_rows
    from mfpt_shared.command_line import say, say_data
    from mfpt_shared.terminal import PlainConsole

    found = read_rows(place_of(data_dir, store), deeds)
    if as_json:
        say_data(msgspec.json.encode({"audit": [_flat(deed) for deed in found]}).decode())
    elif found:
        PlainConsole().print(_table(found))
    else:
        say("nobody has done anything yet", err=True)


def _flat(deed: "Deed") -> dict[str, object]:
    known = asdict(deed)
    return {"at": known.pop("at"), **known.pop("by"), **known}


def _table(found: "Sequence[Deed]") -> "Table":
    from rich import box
    from rich.table import Table

    from mfpt_shared.texts import printable

    table = Table("when", "who", "what", "detail", box=box.SIMPLE)
    for deed in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(deed.at))
        what = f"{_WORDS[deed.action]} {deed.subject}".strip()
        table.add_row(when, _who(deed.by), printable(what, 100), printable(deed.detail, 200))
    return table


def _who(actor: "Actor") -> str:
    return actor.user or ("-" if actor.uid is None else f"uid {actor.uid}")
