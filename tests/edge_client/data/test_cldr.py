"""The embedded task: which names count, and which languages have enough of them."""

from collections import Counter

import pytest

from mfpt_edge.data.cldr import CLDR_LABELS, cldr_examples, cldr_languages
from mfpt_edge.data.sources import load_dataset
from mfpt_edge.data.splits import split_of
from mfpt_shared.errors import DatasetError
from mfpt_shared.languages import LanguageCode, normalise


def texts(tag: str) -> dict[str, str]:
    return {name.key: name.text for name in cldr_examples(normalise(tag))}


def labels(tag: str) -> set[str]:
    return {name.label for name in cldr_examples(normalise(tag))}


def test_names_are_those_of_the_language() -> None:
    swahili = texts("sw")

    assert swahili["language/fr"] == "Kifaransa"
    assert swahili["country/ZA"] == "Afrika Kusini"


def test_a_city_has_the_key_of_its_time_zone() -> None:
    assert texts("am")["city/Africa/Addis_Ababa"] == "አዲስ አበባ"


@pytest.mark.parametrize("tag", ["zul", "yor", "amh", "som", "tir"])
def test_four_classes_or_more_where_the_locale_is_well_translated(tag: str) -> None:
    assert labels(tag) >= {"country", "language", "currency", "city"}


@pytest.mark.parametrize("tag", ["lug", "sna", "xho", "lin"])
def test_small_locales_have_countries_languages_and_currencies(tag: str) -> None:
    assert labels(tag) == {"country", "language", "currency"}


def test_names_left_in_english_are_dropped() -> None:
    english, luganda = texts("en"), texts("lg")

    assert not {key for key, text in luganda.items() if english.get(key) == text}


def test_names_inherited_from_a_parent_locale_are_dropped() -> None:
    norwegian, nynorsk = texts("no"), texts("nn")

    assert not {key for key, text in nynorsk.items() if norwegian.get(key) == text}


@pytest.mark.parametrize(("tag", "locale"), [("tgl", "fil"), ("prs", "fa"), ("swc", "sw"), ("cnr", "sr")])
def test_a_language_without_a_locale_of_its_own_has_the_names_of_its_nearest(tag: str, locale: str) -> None:
    assert texts(tag) == texts(locale)


def test_english_itself_keeps_its_names() -> None:
    assert labels("en") == set(CLDR_LABELS)
    assert texts("en")["city/Africa/Accra"] == "Accra"


def test_areas_groups_and_unknowns_are_no_countries() -> None:
    codes = {key.partition("/")[2] for key in texts("fr") if key.startswith("country/")}

    assert not {code for code in codes if code.isdecimal()} | codes & {"EU", "UN", "ZZ", "XA"}


@pytest.mark.parametrize("tag", ["swh", "fra", "amh", "zul"])
def test_no_name_occurs_twice_and_so_never_under_two_labels(tag: str) -> None:
    counts = Counter(name.text.casefold() for name in cldr_examples(normalise(tag)))

    assert counts.most_common(1)[0][1] == 1


@pytest.mark.parametrize(("tag", "same"), [("om", "gaz"), ("nb", "nob"), ("zh", "cmn"), ("sw-KE", "swh")])
def test_a_language_is_found_under_any_of_its_tags(tag: str, same: str) -> None:
    assert texts(tag) == texts(same)


@pytest.mark.parametrize("tag", ["luo", "kam", "guz"])
def test_locales_known_only_by_an_iso_639_3_code_are_found(tag: str) -> None:
    assert len(texts(tag)) >= 100


def test_a_language_with_too_few_names_says_so() -> None:
    with pytest.raises(DatasetError, match=r"too few names in 'kin' \(country 0, language 105, .*--data FILE"):
        cldr_examples(LanguageCode("kin"))


def test_a_language_that_cldr_does_not_know_says_so() -> None:
    with pytest.raises(DatasetError, match=r"does not know the language 'aaa'.*--data FILE"):
        cldr_examples(LanguageCode("aaa"))


def test_more_than_a_hundred_languages_are_listed_and_none_that_has_too_little() -> None:
    languages = cldr_languages()

    assert len(languages) > 100
    assert {"swh", "yor", "lug"} <= set(languages)
    assert "kin" not in languages


@pytest.mark.parametrize("tag", ["prg", "sms", "luo", "doi", "sah", "sna", "lug"])
def test_the_smallest_languages_have_something_to_test_on(tag: str) -> None:
    sizes = Counter(split_of(name.key) for name in cldr_examples(normalise(tag)))

    assert min(sizes["train"], sizes["test"]) >= 4


def test_an_entity_is_in_the_same_split_in_every_language() -> None:
    swahili, zulu = texts("sw"), texts("zu")
    swahili_test = {example.text for example in load_dataset("cldr", normalise("sw"), CLDR_LABELS).test}
    zulu_test = {example.text for example in load_dataset("cldr", normalise("zu"), CLDR_LABELS).test}
    shared = swahili.keys() & zulu.keys()

    tested = {key for key in shared if swahili[key] in swahili_test}

    assert len(tested) > 50
    assert tested == {key for key in shared if zulu[key] in zulu_test}


def test_names_of_a_class_that_the_plan_lacks_are_skipped() -> None:
    plan = ("country", "language")
    names = Counter(name.label for name in cldr_examples(normalise("lg")))

    dataset = load_dataset("cldr", normalise("lg"), plan)

    assert dataset.skipped == {"label not in the plan: 'currency'": names["currency"]}
    assert {example.label for example in dataset.train} == {0, 1}
