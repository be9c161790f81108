"""Devices by what they do and by language: counted in full, under a bounded number of names."""

from dataclasses import replace

import pytest

from mfpt_coord.core.client import GONE_SECONDS, Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.state import State, initial
from mfpt_coord.server.metrics.device_tally import MAX_LANGUAGES, OTHER, tally
from mfpt_shared.languages import LanguageCode
from support.federation import tiny_plan

NOW = 1000.0


def state(*clients: Client) -> State:
    return replace(initial(tiny_plan()), clients=Clients.of(clients))


def online(name: str, language: str = "swh", **about: object) -> Client:
    return replace(Client(name, LanguageCode(language), state="online", last_seen=NOW), **about)  # type: ignore[arg-type] # fields of the class


def test_a_device_that_has_gone_silent_counts_as_offline() -> None:
    silent = online("b", last_seen=NOW - GONE_SECONDS, phase="training")
    counted = tally(state(online("a", phase="training"), silent), NOW)
    assert counted.phases == {"training": 1, "offline": 1}
    assert (counted.languages["swh"].devices, counted.languages["swh"].online) == (2, 1)


def test_an_accuracy_is_the_mean_over_devices_by_their_examples() -> None:
    clients = (online("a", accuracy=0.5, examples=30), online("b", accuracy=0.9, examples=10), online("c", examples=99))
    assert tally(state(*clients), NOW).languages["swh"].accuracy == pytest.approx(0.6)
    assert tally(state(online("d")), NOW).languages["swh"].accuracy is None


def test_the_smallest_of_many_languages_share_one_name_and_nobody_is_lost() -> None:
    tags = [f"{first}{second}q" for first in "abcdefgh" for second in "abcdefghij"]
    clients = [online(f"{tag}-{n}", tag, accuracy=0.5) for size, tag in enumerate(tags) for n in range(1 + size % 2)]
    counted = tally(state(*clients), NOW)
    assert len(counted.languages) == MAX_LANGUAGES + 1
    assert sum(one.devices for one in counted.languages.values()) == len(clients)
    assert min(one.devices for one in counted.languages.values()) == 1
    assert counted.languages[OTHER].devices == len(tags) - MAX_LANGUAGES
    assert counted.languages[OTHER].accuracy == 0.5


def test_examples_of_a_language_whose_devices_are_gone_still_count() -> None:
    counted = tally(replace(state(), contributed={LanguageCode("yor"): 70}), NOW)
    assert (counted.languages["yor"].examples, counted.languages["yor"].devices) == (70, 0)


def test_the_most_that_a_device_has_spent_is_told() -> None:
    assert tally(state(online("a", epsilon=1.5), online("b", epsilon=2.5), online("c")), NOW).epsilon == 2.5
    assert tally(state(online("a")), NOW).epsilon is None
