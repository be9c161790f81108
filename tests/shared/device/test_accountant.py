"""What updates give away: against numbers worked out by hand, and against dp-accounting's other accountants."""

import math
import sys
from collections.abc import Callable

import pytest
from dp_accounting import GaussianDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

from mfpt_shared.device.accountant import cost_of_release, cost_of_sum, epsilon, releases_left
from mfpt_shared.errors import NotInstalled
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task, made


def plan(**privacy: object) -> Plan:
    fields = {"clip_norm": 1.5, "noise": "local", "noise_multiplier": 4.0, **privacy}
    return Plan(
        task=Task(labels=("a", "b")),
        backbone=BackboneSpec(width=40, layers=2),
        prompt=PromptSpec(tokens=4),
        privacy=made(Privacy, **fields),
    )


def distributed(**privacy: object) -> Plan:
    return plan(aggregation="masked", noise="distributed", **privacy)


def test_local_noise_costs_what_a_change_of_all_data_can_show() -> None:
    assert cost_of_release(plan(noise_multiplier=4.0)) == pytest.approx((2 / 4) ** 2 / 2)


def test_distributed_noise_costs_what_one_update_can_show() -> None:
    assert cost_of_release(distributed(noise_multiplier=4.0)) == pytest.approx((1 / 4) ** 2 / 2)


def test_little_noise_costs_what_it_costs() -> None:
    assert cost_of_release(plan(noise_multiplier=0.1)) == pytest.approx((2 / 0.1) ** 2 / 2)


def test_what_is_rounded_down_to_whole_steps_costs_less() -> None:
    assert cost_of_release(plan(noise_multiplier=100.0, clip_norm=1.0)) == (2 * 2 / 256) ** 2 / 2, (
        "256 / 100 is 2 whole steps"
    )


@pytest.mark.parametrize(("cost", "releases"), [(0.02, 1), (0.02, 40), (1 / 32, 200)])
def test_epsilon_is_that_of_the_gaussian_mechanism_by_renyi_orders(cost: float, releases: int) -> None:
    accountant = RdpAccountant()
    accountant.compose(GaussianDpEvent(1 / math.sqrt(2 * cost)), releases)

    assert epsilon(releases * cost, 1e-5) == pytest.approx(accountant.get_epsilon(1e-5))


@pytest.mark.parametrize(("multiplier", "releases"), [(3.2, 6), (1.0, 1)])
def test_epsilon_is_an_upper_bound_and_not_far_from_the_exact_one_of_a_gaussian(
    multiplier: float, releases: int
) -> None:
    exact = PLDAccountant()
    exact.compose(GaussianDpEvent(multiplier), releases)

    ours = epsilon(releases / (2 * multiplier**2), 1e-5)

    assert exact.get_epsilon(1e-5) <= ours <= 1.15 * exact.get_epsilon(1e-5)


def test_epsilon_by_hand() -> None:
    # Canonne et al. 2020, proposition 12, at its best order, 6.9, for rho 0.293 and delta 1e-5:
    # 0.293 * 6.9 + ln(1 / (6.9 * 1e-5)) / 5.9 + ln(1 - 1 / 6.9) = 2.0217 + 1.6240 - 0.1566 = 3.489
    assert epsilon(0.293, 1e-5) == pytest.approx(3.489, abs=0.002)


def test_a_sum_of_few_narrow_gaussians_costs_more_than_one_of_the_same_variance() -> None:
    # tau = 10 (exp(-pi^2) + exp(-4 pi^2 / 3)) = 0.0005366 for three of variance 1
    assert cost_of_sum(1.0, 1.0, 3, 400) == pytest.approx((1 / math.sqrt(3) + 0.0005366 * 20) ** 2 / 2, rel=1e-4)


def test_with_the_steps_of_a_grid_a_sum_costs_no_more_than_one_gaussian() -> None:
    assert cost_of_sum(64.0, 256**2 / 32, 32, 11_000) == pytest.approx(64**2 / 256**2 / 2, rel=1e-12)


@pytest.mark.parametrize("multiplier", [2.0, 7.0, 30.0])
@pytest.mark.parametrize("planned", [plan, distributed])
def test_as_many_releases_fit_as_the_budget_allows_and_one_more_does_not(
    planned: Callable[..., Plan], multiplier: float
) -> None:
    budgeted = planned(noise_multiplier=multiplier, epsilon=8.0)
    each = cost_of_release(budgeted)

    fitting = releases_left(budgeted)

    assert fitting is not None
    assert epsilon(fitting * each, 1e-5) <= 8.0 < epsilon((fitting + 1) * each, 1e-5)


def test_what_was_spent_before_leaves_room_for_less() -> None:
    budgeted = plan(noise_multiplier=8.0, epsilon=8.0)
    each, all_of_them = cost_of_release(budgeted), releases_left(budgeted)

    assert all_of_them is not None
    assert releases_left(budgeted, 3 * each) == all_of_them - 3
    assert releases_left(budgeted, (all_of_them + 1) * each) == 0


def test_without_the_accountant_a_plan_with_noise_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dp_accounting", None)

    with pytest.raises(NotInstalled, match=r"pip install 'mfpt\[privacy\]'"):
        epsilon(0.1, 1e-5)


def test_without_a_limit_every_release_fits() -> None:
    assert releases_left(plan(epsilon=0.0)) is None
