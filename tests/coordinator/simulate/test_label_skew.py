"""Languages whose one device meets some labels more often than others."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.simulate.experiment import Experiment
from mfpt_coord.simulate.label_skew import draw_mixture, first_of_mixture
from mfpt_coord.simulate.partition import share_out
from mfpt_shared.device.trainer import Content
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from support.laboratory import ToyLaboratory, direction, toy_plan

LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "yor", "amh"))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def shares_of_first_label(label_skew: float, seed: int = 0) -> list[float]:
    """Share of label 0 among the rows of each language, which has both labels alike."""
    experiment = Experiment(
        plan=toy_plan(), method="mfpt", languages=LANGUAGES, examples=40, seed=seed, label_skew=label_skew
    )
    laboratory = ToyLaboratory(dict.fromkeys(LANGUAGES, direction()))
    labels = laboratory.content(LANGUAGES[0]).labels
    return [sum(labels[row] == 0 for row in share.rows) / 40 for share in share_out(experiment, laboratory)]


def test_mixtures_lie_around_that_of_the_language() -> None:
    labels = [0] * 600 + [1] * 300 + [3] * 100
    drawn = np.array([draw_mixture(labels, 1.0, rng(seed)) for seed in range(2000)])
    assert drawn.mean(axis=0) == pytest.approx([0.6, 0.3, 0.0, 0.1], abs=0.02)
    assert drawn.sum(axis=1) == pytest.approx(1.0)


def test_a_small_skew_is_far_from_it_and_a_large_one_near() -> None:
    labels = [0, 1, 2] * 100
    far, near = (np.std([draw_mixture(labels, skew, rng(seed)) for seed in range(300)]) for skew in (0.1, 100.0))
    assert near < 0.05 < 0.3 < far


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    skew=st.floats(1e-3, 100),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_as_many_rows_as_wanted_come_out_whatever_the_mixture(
    labels: list[int], skew: float, seed: int, data: st.DataObject
) -> None:
    wanted = data.draw(st.integers(0, len(labels)))
    chosen = first_of_mixture(range(len(labels)), labels, wanted, draw_mixture(labels, skew, rng(seed)))
    assert len(set(chosen)) == wanted


def test_rows_follow_the_mixture() -> None:
    labels = [0, 1, 2] * 20
    chosen = first_of_mixture(range(60), labels, 20, np.array([0.6, 0.4, 0.0]))
    assert Counter(labels[row] for row in chosen) == {0: 12, 1: 8}
    assert chosen[:4] == [0, 1, 3, 4]


def test_a_label_with_too_few_rows_gives_all_and_others_make_up_for_it() -> None:
    labels = [0] * 4 + [1] * 20 + [2] * 20
    chosen = first_of_mixture(range(44), labels, 20, np.array([0.5, 0.25, 0.25]))
    assert Counter(labels[row] for row in chosen) == {0: 4, 1: 8, 2: 8}


def test_languages_with_one_device_each_differ_in_their_labels() -> None:
    assert np.std(shares_of_first_label(0.3)) > 0.15
    assert np.std(shares_of_first_label(math.inf)) < 0.12


def test_a_seed_skews_the_labels_in_the_same_way_again() -> None:
    assert shares_of_first_label(0.3, seed=5) == shares_of_first_label(0.3, seed=5) != shares_of_first_label(0.3)


def test_examples_without_labels_of_their_own_cannot_be_skewed() -> None:
    class Tagged(ToyLaboratory):
        def content(self, language: LanguageCode) -> Content:
            return Content(labels=[0] * 50, keys=[f"{language} {row}" for row in range(50)])

    experiment = Experiment(plan=toy_plan(), method="mfpt", languages=LANGUAGES, examples=8, label_skew=0.5)
    with pytest.raises(UsageError, match="--label-skew: the examples of swh"):
        share_out(experiment, Tagged({}))
