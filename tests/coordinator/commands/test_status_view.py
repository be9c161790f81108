"""What `mfpt-coord status` shows a person."""

import msgspec
from rich.console import Console

from mfpt_coord.commands.status_view import render
from mfpt_coord.core.state import initial
from mfpt_coord.core.status import federation_status
from mfpt_shared.protocol.messages import FederationStatus
from support.federation import tiny_plan

STATUS = federation_status(initial(tiny_plan()), started=0.0, at=1.0)


def shown(status: FederationStatus) -> str:
    recorder = Console(width=100)
    with recorder.capture() as capture:
        recorder.print(render(status, online=True, now=2.0))
    return capture.get()


def test_refused_messages_are_shown_by_the_reason() -> None:
    refused = msgspec.structs.replace(STATUS, refused={"uninvited": 13_500, "forged": 2})
    assert "messages refused since the coordinator started: 2 forged, 13,500 uninvited" in shown(refused)


def test_nothing_is_said_of_refused_messages_where_there_are_none() -> None:
    assert "refused" not in shown(STATUS)


def test_failed_logins_are_shown() -> None:
    status = msgspec.structs.replace(STATUS, failed_logins=6188)
    assert "failed logins since the coordinator started: 6,188" in shown(status)
