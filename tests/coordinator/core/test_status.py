"""What the coordinator says about a federation."""

from dataclasses import replace
from random import Random
from string import ascii_lowercase

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mfpt_coord.core.client import GONE_SECONDS, Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.events import ClientSaid
from mfpt_coord.core.state import initial
from mfpt_coord.core.status import federation_status
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import EvaluationReport, Metrics
from support.coordinator_core import SWAHILI, Federation
from support.history import PLAN


def test_the_status_shows_languages_devices_and_what_became_of_updates() -> None:
    federation = Federation(buffer=3)
    federation.ready("a", SWAHILI, examples=30)
    federation.ready("b", SWAHILI, examples=10)
    for _ in range(2):
        federation.update("a", examples=30, metrics=Metrics(accuracy=0.9))
    federation.feed(
        ClientSaid(federation.now, "b", EvaluationReport(language="swh", version=0, accuracy=0.5, examples=5))
    )
    status = federation_status(federation.state, started=1.0, at=2000.0)
    assert (status.updates.accepted, status.updates.duplicate) == (1, 1)
    assert (status.version, status.buffer, status.buffer_size, status.started, status.at) == (0, 1, 3, 1.0, 2000.0)
    swahili = status.languages["swh"]
    assert (swahili.clients, swahili.examples) == (2, 40)
    assert swahili.accuracy == pytest.approx((30 * 0.9 + 10 * 0.5) / 40)
    assert [client.id for client in status.clients] == ["a", "b"]


def test_the_status_says_how_much_of_their_own_the_devices_of_a_language_keep() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    for sequence, kept in enumerate((None, 0.25), start=1):
        federation.update("a", sequence, metrics=Metrics(own_share=kept, validated=12))
    assert federation_status(federation.state, started=1.0, at=2000.0).languages["swh"].own_share == 0.25


def test_the_status_says_what_a_device_has_spent_as_it_said_it_last() -> None:
    federation = Federation()
    federation.ready("a")
    assert federation_status(federation.state, started=1.0, at=2000.0).clients[0].epsilon is None
    federation.says("a", epsilon=2.5)
    federation.says("a", state="offline")
    assert federation_status(federation.state, started=1.0, at=2000.0).clients[0].epsilon == 2.5


LARGEST = 256 * 1024
# The worst that can be in a text: four bytes a character, or two for a quotation mark.
TEXTS = st.one_of(
    st.text(max_size=500), st.sampled_from(['"' * 500, "🙂" * 500, "\x00" * 500, "[/]\x1b]0;x\x07\u202e\n" * 40])
)


@given(st.integers(0, 2**32), st.integers(0, 13_500), st.integers(1, 2000), TEXTS)
@example(1, 13_500, 2000, "🙂" * 500)
@settings(max_examples=8)
def test_the_status_is_bounded_whatever_the_fleet(seed: int, devices: int, languages: int, text: str) -> None:
    tags = [LanguageCode(a + b + c) for a in ascii_lowercase for b in ascii_lowercase for c in ascii_lowercase][
        :languages
    ]
    random = Random(seed)
    fleet = [
        Client(
            f"{number:064}",
            tags[number % languages],
            examples=random.randrange(10**12),
            accuracy=random.random(),
            state=random.choice(["online", "offline"]),
            phase="preparing",
            progress=random.random(),
            device=text,
            last_seen=random.random() * 1e12,
        )
        for number in range(devices)
    ]
    state = replace(
        initial(PLAN),
        clients=Clients.of(fleet),
        contributed=dict.fromkeys(tags, 2**62),
        staleness=dict.fromkeys(range(10000), 2**62),
    )
    at = random.random() * 1e12
    status = federation_status(state, started=random.random() * 1e12, at=at)
    assert len(encode(status)) <= LARGEST
    assert (len(status.clients), len(status.languages)) == (min(devices, 200), min(devices, languages, 200))
    assert len(status.clients) + status.more_clients == devices
    assert len(status.languages) + status.more_languages == min(devices, languages)
    online = sum(one.is_online(at) for one in fleet)
    assert sum(one.state == "online" for one in status.clients) == min(200, online)
    assert status.more_online == max(0, online - 200)


def test_those_who_were_heard_last_are_listed() -> None:
    fleet = [Client(f"d{number}", SWAHILI, last_seen=float(number)) for number in range(300)]
    state = replace(initial(PLAN), clients=Clients.of(fleet))
    status = federation_status(state, started=0.0, at=0.0)
    assert {one.id for one in status.clients} == {f"d{number}" for number in range(100, 300)}


def test_what_a_device_says_about_itself_is_cut_and_does_nothing_to_a_terminal() -> None:
    client = Client("d", SWAHILI, device="\x1b]0;x\x07[/]\u202e\n" + "x" * 500)
    (shown,) = federation_status(replace(initial(PLAN), clients=Clients.of([client])), started=0.0, at=0.0).clients
    assert shown.device == "]0;x[/] " + "x" * 71 + "…"


def test_a_device_that_has_gone_silent_is_not_online_for_ever() -> None:
    client = Client("d", SWAHILI, state="online", phase="idle", last_seen=100.0)
    state = replace(initial(PLAN), clients=Clients.of([client]))
    shown = [federation_status(state, started=0.0, at=at).clients[0] for at in (100.0 + GONE_SECONDS - 1, 1e6)]
    assert [(one.state, one.phase) for one in shown] == [("online", "idle"), ("offline", "offline")]
