"""References without a federation: every device alone, and one device with everybody's examples."""

import msgspec
import numpy as np
import pytest

from mfpt_coord.simulate.experiment import Method
from mfpt_shared.errors import UsageError
from mfpt_shared.plan import Privacy
from support.laboratory import ToyLaboratory, direction, toy_plan
from support.toy_simulations import LANGUAGES, ROUNDS, SWAHILI, YORUBA, alike, opposite, simulate


def test_local_learns_its_own_optimum_and_central_the_middle() -> None:
    local, central = simulate("local", opposite()), simulate("central", opposite())
    middle = float(np.exp(-np.sqrt(np.mean(direction() ** 2))))
    assert all(accuracy > 0.95 for accuracy in local.accuracy.values())
    assert all(accuracy == pytest.approx(middle, rel=0.05) for accuracy in central.accuracy.values())
    for outcome in (local, central):
        assert (outcome.updates, outcome.seconds, outcome.bytes_up) == (0, 0, 0)


def test_local_trains_for_the_rounds_that_do_best_on_what_it_holds_out() -> None:
    laboratory = ToyLaboratory({SWAHILI: direction()}, noise=1.0, left=0.0, headed=False)
    outcome = simulate("local", laboratory, languages=(SWAHILI,), seed=1)
    rounds = [measured.accuracy for measured in laboratory.tested[:ROUNDS]]
    best = rounds.index(max(rounds)) + 1
    assert best < ROUNDS
    assert laboratory.trained_on == [32] * ROUNDS + [40] * best
    assert outcome.validation == {SWAHILI: max(rounds)}


def test_a_device_whose_tuning_leads_away_fits_a_head_on_the_untuned_prompt() -> None:
    """A linear probe: it needs no round on all examples, and is better than whatever the rounds lead to."""
    headless, headed = (ToyLaboratory({SWAHILI: direction()}, left=-1.2, headed=headed) for headed in (False, True))
    tuned = simulate("local", headless, languages=(SWAHILI,), plan=toy_plan(epochs=1))
    probe = simulate("local", headed, languages=(SWAHILI,), plan=toy_plan(epochs=1))
    assert headed.trained_on == [32] * ROUNDS
    assert probe.accuracy[SWAHILI] > tuned.accuracy[SWAHILI]


@pytest.mark.parametrize("method", ["local", "central"])
def test_a_device_whose_tuning_leads_on_fits_a_head_on_the_tuned_prompt(method: Method) -> None:
    headless, headed = (ToyLaboratory({SWAHILI: direction()}, headed=headed) for headed in (False, True))
    tuned, both = (
        simulate(method, laboratory, languages=(SWAHILI,), plan=toy_plan(epochs=1)) for laboratory in (headless, headed)
    )
    assert headed.trained_on == [32] * ROUNDS + [40] * ROUNDS
    assert both.accuracy[SWAHILI] > tuned.accuracy[SWAHILI]


@pytest.mark.parametrize("method", ["local", "central"])
def test_test_examples_are_looked_at_when_all_is_chosen(method: Method) -> None:
    laboratory = ToyLaboratory({SWAHILI: direction()})
    simulate(method, laboratory, languages=(SWAHILI,), max_test=500)
    *choosing, last = (measured.examples for measured in laboratory.tested)
    assert set(choosing) == {8}
    assert last == 500


def test_a_device_alone_with_a_single_example_is_a_usage_error() -> None:
    least = msgspec.structs.replace(toy_plan(), privacy=Privacy(min_examples=1))
    with pytest.raises(UsageError, match="swh: a device alone needs two examples"):
        simulate("local", plan=least, examples=1)


def test_central_chooses_its_rounds_in_the_same_way() -> None:
    laboratory = alike()
    simulate("central", laboratory)
    devices = len(LANGUAGES)
    assert laboratory.trained_on == [32 * devices] * ROUNDS + [40 * devices] * ROUNDS


def test_what_a_language_learns_alone_has_nothing_to_do_with_others() -> None:
    assert simulate("local", alike(1.0)).accuracy[SWAHILI] == simulate(
        "local", alike(1.0), languages=(SWAHILI, YORUBA)
    ).accuracy[SWAHILI]  # fmt: skip
