"""What each device does or waits for."""

from dataclasses import replace

from mfpt_coord.core.client import GONE_SECONDS, Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.waits import Waits
from support.coordinator_core import SWAHILI, ZULU, Federation


def waits(federation: Federation, client: str) -> str:
    return Waits(federation.state, federation.now).of(federation.state.clients[client])


def test_a_device_trains_waits_for_a_version_and_trains_again() -> None:
    federation = Federation(buffer=2)
    federation.ready("a")
    assert waits(federation, "a") == "training"
    federation.update("a")
    assert waits(federation, "a") == "version"
    federation.ready("b")
    federation.update("b")
    assert federation.state.version == 1
    assert waits(federation, "a") == "training"


def test_a_device_waits_for_its_turn_where_others_have_all_places() -> None:
    federation = Federation(concurrency=1)
    federation.ready("a")
    federation.ready("b")
    assert (waits(federation, "a"), waits(federation, "b")) == ("training", "place")


def test_a_device_is_late_after_its_deadline_and_offline_when_it_is_not_heard() -> None:
    federation = Federation(fold_after=20.0)
    federation.ready("a")
    federation.now += 25.0
    assert waits(federation, "a") == "late"
    federation.now += GONE_SECONDS
    assert waits(federation, "a") == "offline"


def test_a_device_whose_update_was_rejected_pauses() -> None:
    federation = Federation()
    federation.ready("a")
    federation.update("a", delta=float("nan"))
    assert waits(federation, "a") == "rejected"


def test_a_device_that_has_not_said_that_it_can_train_is_getting_ready() -> None:
    federation = Federation()
    federation.says("a")
    assert waits(federation, "a") == "preparing"
    federation.says("a", phase="done")
    assert waits(federation, "a") == "done"


def test_a_device_of_a_new_language_waits_for_its_first_prompt() -> None:
    federation = Federation()
    known = Client("a", ZULU, state="online", ready=True, last_seen=federation.now)
    federation.state = replace(federation.state, clients=Clients.of([known]), joining=frozenset([ZULU]))
    assert waits(federation, "a") == "prompt"
    federation.ready("b", SWAHILI)
    assert waits(federation, "b") == "training"
