"""Simulated federations under masks: real cohorts in virtual time, with the sums that an open federation would have."""

from typing import Any, Final

import msgspec
import pytest

from mfpt_coord.simulate.experiment import Method, Outcome, mean
from mfpt_shared.plan import Plan, Privacy, Training
from support.laboratory import toy_plan
from support.toy_simulations import LANGUAGES, alike, simulate

OPEN: Final = Privacy()
MASKED: Final = Privacy(aggregation="masked")
METHODS: Final[tuple[Method, ...]] = ("mfpt", "fedavg", "fedbuff")


def plan(privacy: Privacy) -> Plan:
    """Return a toy plan whose grid reaches as far as a toy trainer goes in a round."""
    training = Training(head_start="zero", epochs=2, min_steps=1, prompt_learning_rate=1.0, head_learning_rate=1.0)
    return msgspec.structs.replace(toy_plan(), training=training, privacy=privacy)


def masked(method: Method = "mfpt", privacy: Privacy = MASKED, **changes: Any) -> Outcome:
    return simulate(method, alike(noise=1.0), plan=plan(privacy), **{"devices": 3, **changes})


@pytest.mark.parametrize("method", METHODS)
def test_masks_cost_no_accuracy(method: Method) -> None:
    assert mean(masked(method).accuracy) > mean(masked(method, OPEN).accuracy) - 0.02


def test_as_many_updates_make_as_many_versions_as_in_the_open() -> None:
    hidden, shown = masked(spread=0.0), masked(privacy=OPEN, spread=0.0)
    assert (hidden.updates, hidden.versions) == (shown.updates, shown.versions)
    assert hidden.bytes_up > shown.bytes_up


def test_devices_that_drop_out_of_cohorts_come_back_and_lose_nothing() -> None:
    quiet, rough = masked(), masked(dropouts=0.3)
    assert rough.updates >= quiet.updates
    assert rough.seconds > quiet.seconds
    assert mean(rough.accuracy) == pytest.approx(mean(quiet.accuracy), abs=0.05)


def test_the_same_seed_gives_the_same_sums_to_the_last_bit() -> None:
    def outcome(seed: int) -> bytes:
        return msgspec.json.encode(masked(seed=seed, rounds=3, dropouts=0.2, spread=1.0, late=0.25, measure_every=2))

    assert outcome(3) == outcome(3)
    assert outcome(3) != outcome(4)


def test_languages_of_one_device_each_make_cohorts_of_several_languages() -> None:
    outcome = masked(devices=1)
    assert outcome.versions > 0
    assert mean(outcome.accuracy) > 0.7


def test_fewer_devices_than_a_sum_may_have_make_no_version_and_the_run_ends() -> None:
    outcome = masked(devices=1, privacy=Privacy(aggregation="masked", min_group=len(LANGUAGES) + 1))
    assert (outcome.versions, outcome.updates) == (0, 0)
