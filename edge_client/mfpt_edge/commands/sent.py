"""`mfpt-edge sent`: every message that has left this device, and what each of its fields says."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_edge.commands.options import (
    FederationOption,
    JsonOption,
    LanguageOption,
    StateDirOption,
    device_folder,
    show,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mfpt_edge.storage.sent_report import SentMessage, SentReport

NumberArgument = Annotated[
    int | None, typer.Argument(help="Number of one message, to see its fields.", metavar="[NUMBER]", min=1)
]


def sent(
    lang: LanguageOption,
    number: NumberArgument = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what has left this device: every message with its time and size, and field by field what it says.

    Beside these messages, the broker learns when the device connects, from which address, as which user, and which
    topics it reads. Your texts are in none of it.
    """
    from mfpt_edge.storage.sent_log import read_message, read_sent
    from mfpt_shared.errors import UsageError

    device = device_folder(lang, federation, state_dir)
    folder = device.path
    if device.identity() is None:
        raise UsageError(f"no device in {folder}: run `mfpt-edge join` first")
    if number is None:
        show(read_sent(folder), as_json, sent_table)
        return
    message = read_message(folder, number)
    if message is None:
        raise UsageError(f"message {number} is not kept in {folder}: leave the number out to see which are")
    show(message, as_json, fields_table)


def sent_table(report: "SentReport") -> "RenderableType":
    """Return the messages of a report, and what has left in all."""
    from rich import box
    from rich.console import Group
    from rich.table import Table

    from mfpt_shared.sizes import readable

    if not report.last:
        return "nothing has left this device yet"
    table = Table("number", "when", "message", "bytes", box=box.SIMPLE)
    for message in report.messages:
        table.add_row(str(message.number), _when(message.at), message.kind, f"{message.bytes:,}")
    lines = [
        f"{kind}: {total.messages:,} in all, {readable(total.bytes)}" for kind, total in sorted(report.totals.items())
    ]
    since = [] if report.since is None else [f"since {_when(report.since)}"]
    return Group(table, *since, *lines, "mfpt-edge sent NUMBER shows what one of them says")


def fields_table(message: "SentMessage") -> "RenderableType":
    """Return the fields of a message; what they take adds up to its payload."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from mfpt_shared.texts import printable

    title = f"message {message.number}, {message.kind}, {_when(message.at)}, on {message.topic}"
    table = Table("field", "bytes", "value", "meaning", box=box.SIMPLE, title=Text(printable(title)))
    for part in message.parts:
        texts = (Text(printable(text)) for text in (part.value, part.says))
        table.add_row(Text(printable(part.name)), f"{part.bytes:,}", *texts)
    table.add_row(
        "", f"{message.payload_bytes:,}", f"and {message.bytes - message.payload_bytes} of topic and packet", ""
    )
    return table


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
