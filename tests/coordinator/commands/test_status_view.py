"""What `mfpt-coord status` shows a person."""

from dataclasses import replace
from typing import Literal

import msgspec

from mfpt_coord.commands.sight import Sight
from mfpt_coord.commands.status_view import alarm_in_words, render
from mfpt_coord.core.client import Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.state import initial
from mfpt_coord.core.status import federation_status
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Alarm, FederationStatus, LanguageStatus, Phase
from mfpt_shared.terminal import PlainConsole
from support.federation import tiny_plan

STATUS = federation_status(initial(tiny_plan()), started=0.0, at=1.0)


def shown(status: FederationStatus, said: Literal["online", "offline"] = "online", heard: float | None = 0.5) -> str:
    recorder = PlainConsole(width=100)
    with recorder.capture() as capture:
        recorder.print(render(Sight(status, said, heard, listened=12.0), now=2.0))
    return capture.get()


def test_refused_messages_are_shown_by_the_reason() -> None:
    refused = msgspec.structs.replace(STATUS, refused={"uninvited": 13_500, "forged": 2})
    assert "messages refused since the coordinator started: 2 forged, 13,500 uninvited" in shown(refused)


def test_nothing_is_said_of_refused_messages_where_there_are_none() -> None:
    assert "refused" not in shown(STATUS)


def test_failed_logins_are_shown() -> None:
    status = msgspec.structs.replace(STATUS, failed_logins=6188)
    assert "failed logins since the coordinator started: 6,188" in shown(status)


def test_the_own_share_of_a_language_is_shown_and_a_gap_where_nobody_has_said_it() -> None:
    known = LanguageStatus(clients=3, examples=100, accuracy=None, contributed=40, own_share=0.25)
    silent = msgspec.structs.replace(known, own_share=None)
    assert "25%" in shown(msgspec.structs.replace(STATUS, languages={"swh": known}))
    assert "%" not in shown(msgspec.structs.replace(STATUS, languages={"swh": silent}))


def with_device(
    state: Literal["online", "offline"] = "online", phase: Phase = "training", progress: float = 0.25
) -> FederationStatus:
    device = Client("d1", LanguageCode("swh"), state=state, phase=phase, progress=progress)
    federation = replace(initial(tiny_plan()), clients=Clients.of([device]))
    return federation_status(federation, started=0.0, at=1.0)


def test_what_a_device_has_spent_is_shown_where_there_is_noise() -> None:
    silent = with_device()
    spent = msgspec.structs.replace(silent, clients=[msgspec.structs.replace(silent.clients[0], epsilon=3.456)])
    assert "3.46" in shown(spent)
    assert "epsilon" not in shown(silent)


def test_a_device_is_shown_at_work_while_its_coordinator_is_heard() -> None:
    seen = shown(with_device())
    assert "● online" in seen
    assert "training 25%" in seen


def test_a_device_that_is_done_and_still_there_listens() -> None:
    assert "done, listening for the last prompt" in shown(with_device("online", "done", 0.0))
    assert "listening" not in shown(with_device("offline", "done", 0.0))


def test_nothing_is_known_of_devices_once_their_coordinator_is_silent() -> None:
    seen = shown(with_device(), heard=None)
    assert "silent: nothing heard for 12 s" in seen
    assert "unknown" in seen
    assert "training" not in seen


def test_a_coordinator_that_has_ended_is_offline_at_once() -> None:
    assert "○ offline" in shown(STATUS, said="offline")


def test_an_alarm_says_what_is_wrong_and_where_to_look() -> None:
    worse = Alarm(kind="worse", subject="swh", value=0.5, limit=0.8)
    seen = shown(msgspec.structs.replace(STATUS, alarms=[worse]))
    assert "swh is getting worse: its accuracy is 50%, and was 80% at its best" in seen
    assert alarm_in_words(worse).endswith("; mfpt-coord history --lang swh")
