"""What the store keeps of a sum under masks: all of it, with the numbers of its updates, or nothing."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mfpt_coord.core.effects import Action, SaveSum, Send
from mfpt_coord.core.events import MemberSaid, TimePassed
from mfpt_coord.core.schedule import RETURN_SECONDS
from mfpt_coord.server.batches import Batches
from mfpt_coord.server.store import SqliteStore
from mfpt_shared.masking.grid import Extras
from mfpt_shared.protocol.bodies import write_values
from mfpt_shared.protocol.messages import Ack, Reveal
from support.coordinator_core import SWAHILI, ZULU
from support.masked_core import MaskedFederation, masked_plan

NAMES = ("a", "b", "c", "d", "e", "f")
LANGUAGES = (SWAHILI,) * 3 + (ZULU,) * 3


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "state.db")
    yield store
    store.close()


def with_one_of_two_sums(store: SqliteStore) -> MaskedFederation:
    """Let one of two cohorts end; the other one still waits for its last member."""
    federation = MaskedFederation(masked_plan(buffer=6), store=store)
    for number, (name, language) in enumerate(zip(NAMES, LANGUAGES, strict=True)):
        federation.offers(name, language, delta=0.001 * number, extras=Extras(own_share=0.5))
    federation.settles("f")
    assert len(federation.state.buffer) == len(federation.state.cohorts) == 1
    return federation


def test_a_sum_is_there_after_a_restart_as_it_was(store: SqliteStore) -> None:
    federation = with_one_of_two_sums(store)
    (before,) = federation.state.buffer
    loaded = store.load()
    assert loaded is not None
    (after,) = loaded.buffer
    assert replace(after, delta=before.delta) == before
    np.testing.assert_array_equal(after.delta, before.delta)
    assert loaded.counts.accepted == 3
    assert {name: (client.sequence, client.grants) for name, client in loaded.clients.items()} == dict.fromkeys(
        NAMES[:3], (1, ())
    )


def test_a_sum_that_was_saved_is_folded_once_after_a_restart(store: SqliteStore) -> None:
    federation = with_one_of_two_sums(store)
    federation.starts_again()
    federation.feed(TimePassed(federation.now))
    assert federation.folds == []  # the devices may come back, and add more to the version
    federation.passes(RETURN_SECONDS)
    (fold,) = federation.folds
    assert list(fold.updates) == [(name, 1) for name in NAMES[:3]]
    federation.starts_again()
    federation.passes(1000)
    assert (federation.state.version, federation.state.buffer) == (1, ())


def test_a_member_whose_acknowledgement_was_lost_is_told_again_after_a_restart(store: SqliteStore) -> None:
    federation = MaskedFederation(store=store)
    for name in NAMES[:3]:
        federation.offers(name)
    offer = federation.devices["a"].offers()
    federation.settles()
    federation.starts_again()
    federation.says("a", offer)
    assert federation.mail["a"][-1] == Ack(sequence=1, sha256=offer.sha256)
    assert federation.state.offers == ()


def test_a_sum_with_an_update_that_counts_already_changes_nothing(store: SqliteStore) -> None:
    federation = with_one_of_two_sums(store)
    (saved,) = federation.sums
    again = SaveSum(replace(saved.contribution, client="another"), saved.total)
    with pytest.raises(sqlite3.IntegrityError):
        store.commit([again])
    loaded = store.load()
    assert loaded is not None
    assert [one.client for one in loaded.buffer] == [saved.contribution.client]


def test_the_numbers_of_a_folded_sum_stay_and_the_sum_is_overwritten(store: SqliteStore, tmp_path: Path) -> None:
    federation = MaskedFederation(store=store)
    for name in NAMES[:3]:
        federation.offers(name, delta=np.linspace(0.001, 0.01, federation.values, dtype=np.float32))
    federation.settles()
    store.erase()
    (saved,) = federation.sums
    content = (tmp_path / "state.db").read_bytes() + (tmp_path / "state.db-wal").read_bytes()
    assert write_values(saved.total) not in content
    assert store.holds("a", 1, saved.contribution.survivors[0].digest)
    loaded = store.load()
    assert loaded is not None
    assert (loaded.version, loaded.buffer, loaded.contributed) == (1, (), {SWAHILI: 30})
    assert [loaded.clients[name].folded for name in NAMES[:3]] == [1, 1, 1]


def test_a_sum_that_could_not_be_saved_at_first_is_saved_later_and_nobody_is_told_before(
    store: SqliteStore, tmp_path: Path
) -> None:
    federation = MaskedFederation()
    store.create(federation.state, "c0ffee")
    done: list[Action] = []
    batches = Batches(federation.state, store, lambda action, _: done.append(action))
    for name in NAMES[:3]:
        federation.offers(name)
    for name in NAMES[:3] * 2:
        federation.reads(name)
    batches.state = federation.state
    answers = [(name, federation.devices[name].hears(federation.mail[name].popleft())) for name in NAMES[:3]]
    said = [MemberSaid(federation.now, name, answer) for name, answer in answers if isinstance(answer, Reveal)]
    assert len(said) == 3
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        batches.take(said, federation.now)
        other.execute("ROLLBACK")
    assert batches.has_failed
    assert done == []
    batches.take([TimePassed(federation.now + 100)], federation.now + 100)
    assert sorted(action.client for action in done if isinstance(action, Send) and isinstance(action.message, Ack)) == [
        *NAMES[:3]
    ]
    loaded = store.load()
    assert loaded is not None
    assert (loaded.version, loaded.counts.accepted) == (1, 3)
