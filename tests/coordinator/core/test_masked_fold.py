"""What a fold of sums does, beside one of the same updates in the open."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.masking.grid import grid
from support.coordinator_core import ENGLISH, SWAHILI, ZULU, Federation
from support.masked_core import MaskedFederation, masked_plan

LANGUAGES = (SWAHILI, ZULU, ENGLISH)
NAMES = ("a", "b", "c")
EQUALS = st.tuples(st.integers(3, 5), st.integers(1, 500), st.integers(-20, 20))
"""Number of equal devices of a language, examples of each, and a thousandfold of what their updates change."""


@settings(max_examples=12, deadline=None)
@given(
    devices=st.lists(EQUALS, min_size=1, max_size=3),
    proximity=st.sampled_from(["auto", "fixed", "uniform"]),
    exponents=st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])),
)
def test_a_fold_of_equal_devices_is_that_in_the_open_within_a_step_of_the_grid(
    devices: list[tuple[int, int, int]], proximity: str, exponents: tuple[float, float]
) -> None:
    total = sum(number for number, _, _ in devices)
    about: dict[str, Any] = {"proximity": proximity, "combine": "mean", "buffer": total}
    about |= {"example_exponent": exponents[0], "cover_exponent": exponents[1]}
    masked, opened = MaskedFederation(masked_plan(**about)), Federation(**about)
    for language, (number, examples, thousandths) in zip(LANGUAGES, devices, strict=False):
        delta = np.linspace(0.0, thousandths / 1000, masked.values, dtype=np.float32)
        for device in range(number):
            masked.offers(f"{language}{device}", language, delta, examples=examples)
            opened.update(f"{language}{device}", language=language, delta=delta, examples=examples)
    masked.settles()
    (fold,) = masked.folds
    assert len(masked.sums) == len(devices)
    for language, prompt in opened.state.prompts.items():
        np.testing.assert_allclose(fold.prompts[language], prompt, atol=max(grid(masked.plan).steps))


@pytest.mark.parametrize("examples", [(10, 10, 10), (1, 30, 500)])
def test_the_weights_of_a_version_are_kept_for_every_update(examples: tuple[int, ...]) -> None:
    federation = MaskedFederation()
    for name, count in zip(NAMES, examples, strict=True):
        federation.offers(name, examples=count)
    federation.settles()
    (fold,) = federation.folds
    assert list(fold.updates) == [("a", 1), ("b", 1), ("c", 1)]
    assert fold.weights.shape == (len(fold.prompts), 3)
    assert np.allclose(fold.weights, fold.weights[:, :1])
