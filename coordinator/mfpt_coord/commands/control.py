"""What the commands that talk to a running coordinator share."""

import sys
from pathlib import Path
from typing import TypeVar

import msgspec
import segno

from mfpt_coord.server.config import default_data_dir
from mfpt_coord.server.control import ask
from mfpt_coord.server.orders import AnyOrder, Done, Report
from mfpt_shared.command_line import say, say_data
from mfpt_shared.control_socket import Declined, Failed
from mfpt_shared.errors import MfptError

ReportT = TypeVar("ReportT", bound=Report)


def report_of(data_dir: Path | None, order: AnyOrder, expected: type[ReportT]) -> ReportT:
    """Give an order to the coordinator that runs on a data folder, and return its report.

    Raises:
        ConnectionFailed: None runs there.
        MfptError: It did not do it.
    """
    report = ask((data_dir or default_data_dir()).absolute(), order)
    if isinstance(report, Failed):
        raise Declined(report)
    if not isinstance(report, expected):
        raise MfptError(f"the coordinator answered with {type(report).__name__}; is it of another version than this?")
    return report


def json_line(report: Report) -> str:
    """Return a report as a line of JSON."""
    return msgspec.json.encode(report).decode()


def give_order(data_dir: Path | None, order: AnyOrder, done: str, *, as_json: bool) -> None:
    """Give an order that has no answer but that it was carried out, and say so.

    Args:
        data_dir: Data folder of the coordinator; None: the default one.
        order: What it should do.
        done: What to tell people once it has happened.
        as_json: Whether to print the report as JSON instead.

    Raises:
        MfptError: See `report_of`.
    """
    report = report_of(data_dir, order, Done)
    if as_json:
        say_data(json_line(report))
    else:
        say(done, err=True)


def print_qr(line: str) -> None:
    """Draw a line of text as a QR code on the terminal, in colours where its encoding has no blocks."""
    segno.make(line, error="l", micro=False).terminal(sys.stdout, compact=_has_blocks(sys.stdout.encoding), border=2)


def _has_blocks(encoding: str) -> bool:
    try:
        "▀▄█".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
