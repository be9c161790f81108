"""What simulated devices use: a choice that mfpt alone gives them."""

import pytest

from mfpt_coord.simulate.experiment import METHODS, Method
from support.laboratory import toy_plan
from support.toy_simulations import LANGUAGES, alike, opposite, simulate


@pytest.mark.parametrize("method", METHODS)
def test_mfpt_alone_holds_examples_out_of_its_first_rounds_and_lets_devices_choose_what_they_use(
    method: Method,
) -> None:
    laboratory = alike()
    outcome = simulate(method, laboratory, rounds=1)
    assert (laboratory.trained_on[0] == 27) == (method == "mfpt") == bool(outcome.used)


def test_where_languages_are_alike_what_devices_use_is_no_worse_than_the_federations_prompt() -> None:
    outcome = simulate("mfpt", alike(noise=3.0), plan=toy_plan(proximity="uniform"))
    for language, used in outcome.used.items():
        assert used >= outcome.accuracy[language] - 0.005


def test_where_the_federation_does_badly_devices_use_their_own_prompt() -> None:
    outcome = simulate("mfpt", opposite(), plan=toy_plan(proximity="uniform"))
    assert min(outcome.own_share.values()) >= 0.5
    for language in LANGUAGES:
        assert outcome.used[language] > outcome.accuracy[language] + 0.05


def test_the_answers_with_what_devices_use_are_kept_too() -> None:
    outcome = simulate(devices=2, max_test=60)
    assert outcome.used.keys() == set(LANGUAGES)
    for language, used in outcome.used_tallies.items():
        assert used.wanted == (2,) * 60
        assert sum(used.right) / sum(used.wanted) == pytest.approx(outcome.used[language], abs=0.01)
