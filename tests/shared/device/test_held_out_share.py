"""Which examples are held out, by their labels."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.device.held_out import held_out


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=80), one_of=st.integers(2, 6), seed=st.integers(0, 2**32)
)
def test_every_label_is_held_out_as_often_as_its_share_says(labels: list[int], one_of: int, seed: int) -> None:
    held = held_out(labels, seed, one_of)
    assert 1 <= len(held) == len(set(held)) <= len(labels) / one_of + 1
    of_label = Counter(labels[row] for row in held)
    for label, examples in Counter(labels).items():
        assert abs(of_label[label] - examples / one_of) < 1
