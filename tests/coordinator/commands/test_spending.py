"""What an operator is told about the noise of a plan."""

import msgspec
import pytest

from mfpt_coord.commands.spending import in_words, spending
from mfpt_shared.plan import Plan, Privacy
from support.federation import tiny_plan


def noisy(**changes: float) -> Plan:
    privacy = Privacy(clip_norm=1.0, noise="local", noise_multiplier=4.0)
    return msgspec.structs.replace(tiny_plan(), privacy=msgspec.structs.replace(privacy, **changes))


def test_more_updates_cost_more_and_more_noise_costs_less() -> None:
    some, more = spending(noisy()), spending(noisy(noise_multiplier=8.0))

    assert some is not None
    assert more is not None
    assert list(some.epsilon_after.values()) == sorted(some.epsilon_after.values())
    assert all(more.epsilon_after[updates] < spent for updates, spent in some.epsilon_after.items())


def test_a_budget_that_nobody_can_spend_is_no_missing_one() -> None:
    plan = noisy(epsilon=8.0, noise_multiplier=1000.0, clip_norm=0.1)
    spent = spending(plan)

    assert spent is not None
    assert list(in_words(plan, spent))[-1].endswith("is enough for more than a million updates of each device")


@pytest.mark.parametrize(
    ("budget", "last_line"),
    [
        (3.5, "privacy.epsilon 3.5 is enough for 2 updates of each device"),
        (1.0, "privacy.epsilon 1 is enough for 0 updates of each device"),
        (0.0, "there is no limit: privacy.epsilon is 0"),
    ],
)
def test_it_is_said_how_many_updates_a_budget_is_enough_for(budget: float, last_line: str) -> None:
    plan = noisy(epsilon=budget)
    spent = spending(plan)

    assert spent is not None
    assert list(in_words(plan, spent))[-1] == last_line


def test_nothing_is_said_of_a_plan_without_noise() -> None:
    assert spending(tiny_plan()) is None
