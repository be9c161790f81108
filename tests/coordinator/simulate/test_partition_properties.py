"""Properties of how examples are shared out to simulated devices."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mfpt_coord.simulate.partition import different_sentences, over_devices, same_sentences
from mfpt_shared.device.trainer import Content
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode

TAGS = tuple(LanguageCode(tag) for tag in ("swh", "zul", "xho", "eng"))
SEEDS = st.integers(0, 2**32 - 1)
Choose = Callable[
    [dict[LanguageCode, Content], dict[LanguageCode, int], np.random.Generator], dict[LanguageCode, list[int]]
]


@st.composite
def translated(draw: st.DrawFn) -> dict[LanguageCode, Content]:
    """Languages with translations of the same sentences, each in its own order."""
    sentences = draw(st.integers(1, 40))
    contents = {}
    for language in draw(st.lists(st.sampled_from(TAGS), min_size=1, max_size=4, unique=True)):
        order = draw(st.permutations(range(sentences)))
        contents[language] = Content(labels=[number % 3 for number in order], keys=[f"{number}" for number in order])
    return contents


def labelled(labels: list[int]) -> Content:
    """Different sentences with these labels."""
    return Content(labels, [f"{row}" for row in range(len(labels))])


def keys(content: Content, rows: list[int]) -> list[str]:
    return [content.keys[row] for row in rows]


@given(translated(), st.integers(1, 40), SEEDS)
def test_different_sentences_are_in_one_language_only_and_equally_many(
    contents: dict[LanguageCode, Content], examples: int, seed: int
) -> None:
    sentences = len(next(iter(contents.values())).keys)
    if examples * len(contents) > sentences:
        with pytest.raises(UsageError):
            different_sentences(contents, dict.fromkeys(contents, examples), np.random.default_rng(seed))
        return
    chosen = different_sentences(contents, dict.fromkeys(contents, examples), np.random.default_rng(seed))
    assert list(chosen) == list(contents)
    assert all(len(set(rows)) == examples for rows in chosen.values())
    together = [key for language, rows in chosen.items() for key in keys(contents[language], rows)]
    assert len(set(together)) == len(together)


@given(translated(), st.integers(1, 40), SEEDS)
def test_the_same_sentences_are_in_all_languages(
    contents: dict[LanguageCode, Content], examples: int, seed: int
) -> None:
    if examples > len(next(iter(contents.values())).keys):
        with pytest.raises(UsageError):
            same_sentences(contents, dict.fromkeys(contents, examples), np.random.default_rng(seed))
        return
    chosen = same_sentences(contents, dict.fromkeys(contents, examples), np.random.default_rng(seed))
    assert all(len(set(rows)) == examples for rows in chosen.values())
    sets = {frozenset(keys(contents[language], rows)) for language, rows in chosen.items()}
    assert len(sets) == 1


@pytest.mark.parametrize("choose", [different_sentences, same_sentences])
@given(contents=translated(), seed=SEEDS)
def test_a_seed_chooses_the_same_sentences_again(
    choose: Choose, contents: dict[LanguageCode, Content], seed: int
) -> None:
    examples = len(next(iter(contents.values())).keys) // len(contents)
    first, again = (choose(contents, dict.fromkeys(contents, examples), np.random.default_rng(seed)) for _ in range(2))
    assert first == again


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=120),
    devices=st.integers(1, 6),
    skew=st.just(math.inf) | st.floats(0.1, 100),
    least=st.integers(0, 10),
    seed=SEEDS,
    data=st.data(),
)
def test_every_row_goes_to_exactly_one_device_and_every_device_has_enough(
    labels: list[int], devices: int, skew: float, least: int, seed: int, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.sampled_from(range(len(labels))), unique=True))
    try:
        shares = over_devices(rows, labelled(labels), devices, skew, least, np.random.default_rng(seed))
    except UsageError:
        # Only where there are hardly enough examples may the division fail.
        assert len(rows) < devices * (least + 5) or not math.isinf(skew)
        return
    assert len(shares) == devices
    assert sorted(row for share in shares for row in share) == sorted(rows)
    assert devices == 1 or min(len(share) for share in shares) >= least
    assert over_devices(rows, labelled(labels), devices, skew, least, np.random.default_rng(seed)) == shares


@given(st.integers(1, 200), st.integers(2, 6), SEEDS)
def test_without_skew_devices_share_every_label_evenly(examples: int, devices: int, seed: int) -> None:
    labels = [row % 3 for row in range(examples)]
    assume(examples >= devices)
    for share in over_devices(range(examples), labelled(labels), devices, math.inf, 0, np.random.default_rng(seed)):
        for label in set(labels):
            assert abs(sum(labels[row] == label for row in share) - labels.count(label) / devices) <= 1
