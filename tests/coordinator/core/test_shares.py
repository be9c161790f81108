"""How many examples of a device count."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.core import shares
from mfpt_shared.plan import Aggregation

SAID = st.dictionaries(st.text("abcdefghij", min_size=1, max_size=2), st.integers(-5, 10**6), min_size=1, max_size=12)


def counted_examples(said: Mapping[str, int], folded: Mapping[str, int], plan: Aggregation) -> dict[str, float]:
    """Return what each device counts with, by how many updates it has in earlier folds."""
    examples = np.array(list(said.values()), np.int64)
    is_new = np.array([folded.get(device, 0) < plan.newcomer_updates for device in said], np.bool_)
    counted = shares.counted_examples(examples, is_new, np.ones(len(said), np.int64), plan)
    return dict(zip(said, counted.tolist(), strict=True))


def test_a_claim_of_many_examples_counts_for_a_quarter() -> None:
    said = {"liar": 10_000, **{str(place): 10 for place in range(9)}}
    assert counted_examples(said, {}, Aggregation())["liar"] == pytest.approx(30)


def test_between_two_devices_nothing_is_limited() -> None:
    assert counted_examples({"a": 1000, "b": 8}, {}, Aggregation()) == {"a": 1000, "b": 8}


def test_newcomers_count_for_half_however_many_they_are() -> None:
    said = {"old": 20, **{str(place): 20 for place in range(9)}}
    counted = counted_examples(said, {"old": 3}, Aggregation())
    assert counted["old"] == 20
    assert sum(counted.values()) == pytest.approx(40)


@given(SAID, st.floats(0, 1))
def test_no_device_counts_for_more_than_its_share_where_all_are_new(said: dict[str, int], share: float) -> None:
    counted = counted_examples(said, {}, Aggregation(device_share=share))
    assert counted.keys() == said.keys()
    assert max(counted.values()) <= max(share, 2 / len(said)) * sum(counted.values()) * (1 + 1e-9)
    assert all(0 < counted[one] <= max(1, said[one]) for one in said)


@given(SAID, st.data())
def test_newcomers_count_for_no_more_than_their_share_and_the_order_does_not_matter(
    said: dict[str, int], data: st.DataObject
) -> None:
    folded = data.draw(st.dictionaries(st.sampled_from(sorted(said)), st.integers(0, 5)))
    plan = Aggregation(newcomer_share=data.draw(st.floats(0.01, 1)))
    counted = counted_examples(said, folded, plan)
    new = [device for device in said if folded.get(device, 0) < plan.newcomer_updates]
    if len(new) < len(said):
        assert sum(counted[device] for device in new) <= plan.newcomer_share * sum(counted.values()) * (1 + 1e-9)
    shuffled = {device: said[device] for device in data.draw(st.permutations(sorted(said)))}
    assert counted_examples(shuffled, folded, plan) == pytest.approx(counted)
