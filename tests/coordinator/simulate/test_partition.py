"""Which examples each simulated device holds, in small cases."""

import math
from collections import Counter
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from mfpt_coord.simulate.experiment import Experiment
from mfpt_coord.simulate.partition import different_sentences, over_devices, same_sentences, share_out
from mfpt_shared.device.trainer import Content
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Task
from support.laboratory import ToyLaboratory, direction, toy_plan

SWAHILI, ZULU, ENGLISH = LanguageCode("swh"), LanguageCode("zul"), LanguageCode("eng")
EVERYBODY = math.inf
Choose = Callable[
    [dict[LanguageCode, Content], dict[LanguageCode, int], np.random.Generator], dict[LanguageCode, list[int]]
]


def content(*keys: int) -> Content:
    return Content(labels=[key % 3 for key in keys], keys=[f"sentence {key}" for key in keys])


def translations(sentences: int, *languages: LanguageCode) -> dict[LanguageCode, Content]:
    """The same sentences in every language, each in a different order."""
    return {
        language: content(*(int(key) for key in np.random.default_rng(place).permutation(sentences)))
        for place, language in enumerate(languages)
    }


def keys(contents: dict[LanguageCode, Content], chosen: dict[LanguageCode, list[int]]) -> dict[LanguageCode, set[str]]:
    return {language: {contents[language].keys[row] for row in rows} for language, rows in chosen.items()}


def labelled(labels: list[int], words: list[int] | None = None) -> Content:
    """Different sentences with these labels."""
    return Content(labels, [f"sentence {row}" for row in range(len(labels))], words or [])


def each(contents: dict[LanguageCode, Content], examples: int) -> dict[LanguageCode, int]:
    return dict.fromkeys(contents, examples)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_different_sentences_can_use_up_all_that_there_are() -> None:
    contents = translations(30, SWAHILI, ZULU, ENGLISH)
    chosen = keys(contents, different_sentences(contents, each(contents, 10), rng()))
    assert [len(of_language) for of_language in chosen.values()] == [10, 10, 10]
    assert set.union(*chosen.values()) == set(contents[SWAHILI].keys)


@pytest.mark.parametrize("choose", [different_sentences, same_sentences])
def test_a_language_can_have_more_examples_than_another(choose: Choose) -> None:
    chosen = choose(translations(30, SWAHILI, ENGLISH), {SWAHILI: 5, ENGLISH: 20}, rng())
    assert {language: len(rows) for language, rows in chosen.items()} == {SWAHILI: 5, ENGLISH: 20}


def test_too_few_different_sentences_are_an_error_that_says_what_to_do() -> None:
    contents = translations(30, SWAHILI, ZULU, ENGLISH)
    with pytest.raises(UsageError, match=r"swh would get only 10 of 11 sentences.*--parallel"):
        different_sentences(contents, each(contents, 11), rng())


def test_the_same_sentences_are_the_same_whatever_the_order_of_the_rows() -> None:
    contents = translations(30, SWAHILI, ZULU)
    chosen = same_sentences(contents, each(contents, 10), rng())
    assert chosen[SWAHILI] != chosen[ZULU]
    assert keys(contents, chosen)[SWAHILI] == keys(contents, chosen)[ZULU]


def test_a_language_that_lacks_a_sentence_gets_another_one_instead() -> None:
    contents = {SWAHILI: content(0, 1, 2), ZULU: content(2, 1)}
    chosen = keys(contents, same_sentences(contents, each(contents, 2), rng()))
    assert chosen[ZULU] == {"sentence 1", "sentence 2"}
    assert len(chosen[SWAHILI]) == 2


def test_a_language_with_too_few_examples_is_an_error_that_names_it() -> None:
    contents = {SWAHILI: content(0, 1, 2), ZULU: content(2, 1)}
    with pytest.raises(UsageError, match="zul has only 2 training examples, and --examples asks for 3"):
        same_sentences(contents, each(contents, 3), rng())


def test_a_device_that_is_alone_holds_all_rows_of_its_language() -> None:
    assert over_devices([4, 7, 9], labelled([0] * 10), 1, 0.1, 3, rng()) == [[4, 7, 9]]


def test_a_device_that_is_alone_needs_as_many_rows_as_any() -> None:
    with pytest.raises(UsageError, match="3 examples cannot be shared out to 1 devices with at least 8"):
        over_devices([4, 7, 9], labelled([0] * 10), 1, 0.1, 8, rng())


def test_where_words_are_labelled_they_count() -> None:
    tagged = labelled([0] * 10, words=[3] * 10)
    assert over_devices([4, 7, 9], tagged, 1, EVERYBODY, 9, rng()) == [[4, 7, 9]]
    with pytest.raises(UsageError, match="3 examples cannot be shared out to 1 devices with at least 10 words"):
        over_devices([4, 7, 9], tagged, 1, EVERYBODY, 10, rng())


def test_a_few_sentences_are_enough_where_every_word_is_labelled() -> None:
    plan = msgspec.structs.replace(toy_plan(), task=Task(labels=("O", "X"), kind="tagging"))
    experiment = Experiment(plan=plan, method="mfpt", languages=(SWAHILI, ZULU), examples=3)
    shares = share_out(experiment, ToyLaboratory({SWAHILI: direction(), ZULU: direction()}))
    assert [(share.language, len(share.rows)) for share in shares] == [(SWAHILI, 3), (ZULU, 3)]


def test_without_skew_every_device_has_the_same_mixture_of_labels() -> None:
    labels = [row % 2 for row in range(40)]
    for share in over_devices(range(40), labelled(labels), 4, EVERYBODY, 8, rng()):
        assert Counter(labels[row] for row in share) == {0: 5, 1: 5}


def test_with_strong_skew_mixtures_of_labels_differ() -> None:
    labels = [row % 2 for row in range(400)]
    shares = over_devices(range(400), labelled(labels), 2, 0.05, 8, rng())
    of_label = [sum(labels[row] for row in share) / len(share) for share in shares]
    assert abs(of_label[0] - of_label[1]) > 0.5


def test_what_rounding_leaves_over_does_not_pile_up_on_one_device() -> None:
    labels = list(range(30)) * 3
    sizes = [len(share) for share in over_devices(range(90), labelled(labels), 2, EVERYBODY, 1, rng())]
    assert min(sizes) > 30


@pytest.mark.parametrize(("rows", "devices", "skew", "least"), [(20, 3, EVERYBODY, 8), (20, 2, 1e-3, 10)])
def test_rows_that_cannot_be_shared_out_are_an_error_that_says_what_to_do(
    rows: int, devices: int, skew: float, least: int
) -> None:
    with pytest.raises(UsageError, match=rf"{rows} examples.*{devices} devices with at least {least}.*fewer --devices"):
        over_devices(range(rows), labelled([0] * rows), devices, skew, least, rng())


def test_languages_take_turns_so_that_the_last_is_not_left_with_what_the_others_lack() -> None:
    shared = [f"shared {number}" for number in range(60)]
    rich = Content([0] * 60 + [1] * 60, [*shared, *(f"rich {number}" for number in range(60))])
    contents = {SWAHILI: Content([0] * 60, shared), ZULU: rich, ENGLISH: rich}

    chosen = different_sentences(contents, dict.fromkeys(contents, 20), np.random.default_rng(0))

    for language in (ZULU, ENGLISH):
        assert 0 in {rich.labels[row] for row in chosen[language]}
