"""Whatever happens to cohorts, every update counts exactly once, or never entered a sum.

Messages come in any order between devices, are lost, and come again; devices leave, come back and start anew; so does
the coordinator, with a real store. Each device and the masks are real.
"""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mfpt_coord.core.events import ClientSaid, TimePassed
from mfpt_coord.core.machine import step
from mfpt_coord.core.schedule import RETURN_SECONDS, next_deadline, waiting_updates
from mfpt_coord.core.stages import STAGE_SECONDS
from mfpt_coord.server.store import SqliteStore, Store
from mfpt_shared.protocol.messages import ClientState
from support.coordinator_core import ENGLISH, SWAHILI, ZULU
from support.device_walks import check_indices
from support.masked_core import MaskedFederation, masked_plan

LANGUAGES = {"a": SWAHILI, "b": SWAHILI, "c": SWAHILI, "d": ZULU, "e": ZULU, "f": ENGLISH}
CHANCES = {
    "trains": 24,
    "reads": 200,
    "repeats": 3,
    "loses_mail": 1,
    "anew": 2,
    "leaves": 1,
    "waits": 10,
    "restarts": 1,
}


class Life:
    """Random but repeatable: six devices, and everything that can happen to them."""

    def __init__(self, seed: int, store: Store | None = None) -> None:
        self.random = random.Random(seed)
        plan = masked_plan(self.random.randint(2, 4), buffer=self.random.randint(2, 6), max_staleness=3, concurrency=1)
        self.federation = MaskedFederation(plan, seed, store)
        for name, language in LANGUAGES.items():
            self.federation.device(name, language)

    def happens(self, steps: int) -> Iterator[None]:
        for kind in self.random.choices([*CHANCES], [*CHANCES.values()], k=steps):
            getattr(self, kind)(self.random.choice([*LANGUAGES]))
            yield

    def trains(self, name: str) -> None:
        if self.federation.devices[name].held is None:
            base = max(0, self.federation.state.version - self.random.randint(0, 1))
            delta = self.random.uniform(-0.02, 0.02)
            self.federation.offers(name, LANGUAGES[name], delta=delta, base=base)

    def reads(self, name: str) -> None:
        self.federation.reads(name, answers=self.random.random() < 0.995)

    def repeats(self, name: str) -> None:
        if self.federation.devices[name].held is not None:
            self.federation.says(name, self.federation.devices[name].offers())

    def loses_mail(self, name: str) -> None:
        self.federation.mail[name].clear()

    def anew(self, name: str) -> None:
        self.federation.devices[name].restarts()
        self.repeats(name)

    def leaves(self, name: str) -> None:
        self.federation.gone(name)
        if self.random.random() < 0.7:
            online = ClientState(state="online", language=LANGUAGES[name])
            self.federation.feed(ClientSaid(self.federation.now, name, online))
            self.repeats(name)

    def waits(self, _name: str) -> None:
        self.federation.passes(self.random.choice([0.6, STAGE_SECONDS, 1000.0]))

    def restarts(self, _name: str) -> None:
        self.federation.starts_again()
        self.federation.feed(TimePassed(self.federation.now))

    def ends_well(self) -> None:
        for _ in range(6):
            for name in LANGUAGES:
                self.repeats(name)
            self.federation.settles()
            self.federation.passes(max(STAGE_SECONDS, RETURN_SECONDS, 1000.0))

    def check(self) -> None:
        federation, summed = self.federation, self.summed()
        folded = Counter(update for fold in federation.folds for update in fold.updates)
        waiting = Counter((one.client, one.sequence) for part in federation.state.buffer for one in part.updates)
        assert all(times == 1 for times in summed.values())
        assert folded + waiting == summed
        assert federation.state.counts.accepted == summed.total()
        for name, device in federation.devices.items():
            assert all((name, number) in summed for number in device.counted)
            assert not any((name, number) in summed for number in device.carried + device.lost)
        check_indices(federation.state.clients, federation.now)
        looked, _ = step(federation.state, TimePassed(federation.now))
        assert next_deadline(looked, federation.now) > federation.now

    def check_sums(self) -> None:
        for saved in self.federation.sums:
            of = [self.federation.devices[one.client].codes[one.sequence] for one in saved.contribution.survivors]
            assert saved.total.tolist() == np.sum(of, axis=0, dtype=np.int64).astype(np.uint16).tolist()
            assert len(of) >= self.federation.plan.privacy.min_group

    def summed(self) -> Counter[tuple[str, int]]:
        sums = [saved.contribution for saved in self.federation.sums]
        return Counter((one.client, one.sequence) for contribution in sums for one in contribution.updates)


def live(life: Life, steps: int) -> Life:
    for _ in life.happens(steps):
        life.check()
    life.ends_well()
    life.check()
    life.check_sums()
    return life


@pytest.mark.parametrize("seed", [1, 3])
def test_an_update_counts_once_or_never_entered_a_sum(seed: int) -> None:
    life = live(Life(seed), 1000)
    assert len(life.federation.sums) > 3


def test_whatever_was_saved_when_the_coordinator_died_counts_once(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    life = live(Life(3, store), 800)
    assert len(life.federation.sums) > 3
    store.close()


@pytest.mark.parametrize("seed", range(20, 22))
def test_when_nothing_more_goes_wrong_every_update_comes_to_its_end_but_those_too_few_for_a_cohort(seed: int) -> None:
    life = live(Life(seed), 150)
    held = [device for device in life.federation.devices.values() if device.held is not None]
    assert len(held) < life.federation.plan.privacy.min_group
    assert waiting_updates(life.federation.state) == len(held)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_long_lives_keep_their_books(seed: int) -> None:
    live(Life(seed), 2000)
