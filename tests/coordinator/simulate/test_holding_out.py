"""What a device alone holds out."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_coord.simulate.holding_out import apart, held_out
from mfpt_shared.device.trainer import Share
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from support.laboratory import ToyLaboratory, direction

SWAHILI = LanguageCode("swh")


@settings(deadline=None)
@given(labels=st.lists(st.integers(0, 3), min_size=2, max_size=80), seed=st.integers(0, 2**32 - 1))
def test_a_fifth_of_the_examples_is_held_out_and_as_large_a_share_of_every_label(labels: list[int], seed: int) -> None:
    rows = range(len(labels))
    held = held_out(rows, labels, np.random.default_rng(seed))
    assert held < set(rows)
    assert len(held) == max(1, round(len(labels) / 5))
    of_label = Counter(labels[row] for row in held)
    for label, examples in Counter(labels).items():
        assert abs(of_label[label] - examples * len(held) / len(labels)) <= 1


def test_what_is_held_out_is_not_trained_on() -> None:
    laboratory = ToyLaboratory({SWAHILI: direction()})
    (kept,), (held,) = apart([Share(SWAHILI, range(10, 45))], laboratory, seed=0)
    assert (len(kept.rows), len(held.rows)) == (28, 7)
    assert sorted([*kept.rows, *held.rows]) == list(range(10, 45))


def test_a_device_alone_with_a_single_example_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="swh: a device alone needs two examples"):
        apart([Share(SWAHILI, [3])], ToyLaboratory({SWAHILI: direction()}), seed=0)
