"""Which offers are added up together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_coord.core.cohorts import Group, grouped
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan_sections import MOST_MEMBERS

TAGS = [LanguageCode(tag) for tag in ("eng", "sot", "swh", "tsn", "xho", "zul")]
NEAR = {("xho", "zul"): 0.9, ("sot", "tsn"): 0.8, ("swh", "zul"): 0.3}
FEW = settings(max_examples=40)
OFFERS = st.lists(st.sampled_from(TAGS), max_size=150)
LEAST = st.integers(2, MOST_MEMBERS)


def near(first: LanguageCode, second: LanguageCode) -> float:
    low, high = sorted((first, second))
    return 1.0 if first == second else NEAR.get((low, high), 0.1)


def spoken(*tags: str) -> list[LanguageCode]:
    return [LanguageCode(tag) for tag in tags]


def languages_of(groups: list[Group], offers: list[LanguageCode]) -> list[list[str]]:
    return [sorted(offers[place] for place in group) for group in groups]


@FEW
@given(offers=OFFERS, least=LEAST)
def test_a_device_is_in_one_cohort_at_most_and_a_cohort_has_enough_devices_and_not_too_many(
    offers: list[LanguageCode], least: int
) -> None:
    groups = grouped(offers, near, least)
    members = [place for group in groups for place in group]
    assert len(members) == len(set(members))
    assert set(members) <= set(range(len(offers)))
    assert all(least <= len(group) <= MOST_MEMBERS for group in groups)


@FEW
@given(offers=OFFERS, least=st.integers(2, MOST_MEMBERS // 2))
def test_nobody_waits_if_there_are_enough(offers: list[LanguageCode], least: int) -> None:
    members = sum(len(group) for group in grouped(offers, near, least))
    assert members == (len(offers) if len(offers) >= least else 0)


@FEW
@given(offers=OFFERS, least=LEAST)
def test_one_language_at_most_that_has_enough_devices_shares_cohorts_with_others(
    offers: list[LanguageCode], least: int
) -> None:
    large = {tag for tag in offers if offers.count(tag) >= least}
    mixed = [tags for tags in languages_of(grouped(offers, near, least), offers) if len(set(tags)) > 1]
    assert len({tag for tags in mixed for tag in large.intersection(tags)}) <= 1


@FEW
@given(offers=OFFERS, least=LEAST, data=st.data())
def test_the_order_of_offers_does_not_change_how_large_cohorts_are(
    offers: list[LanguageCode], least: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(offers))
    sizes = sorted(len(group) for group in grouped(offers, near, least))
    assert sizes == sorted(len(group) for group in grouped(shuffled, near, least))


def test_languages_with_enough_devices_keep_to_themselves() -> None:
    offers = spoken("swh", "zul", "swh", "zul", "zul", "swh")
    assert languages_of(grouped(offers, near, 3), offers) == [["swh"] * 3, ["zul"] * 3]


def test_languages_with_too_few_devices_are_joined_with_the_nearest_of_their_kind() -> None:
    offers = spoken("sot", "tsn", "xho", "zul", "tsn", "xho")
    assert languages_of(grouped(offers, near, 3), offers) == [["sot", "tsn", "tsn"], ["xho", "xho", "zul"]]


def test_what_is_left_over_joins_the_nearest_cohort() -> None:
    offers = spoken("swh", "swh", "swh", "zul", "zul", "zul", "xho")
    assert languages_of(grouped(offers, near, 3), offers) == [["swh"] * 3, ["xho", "zul", "zul", "zul"]]


def test_too_few_devices_wait() -> None:
    assert grouped(spoken("swh", "zul"), near, 3) == []


@pytest.mark.parametrize(("devices", "sizes"), [(32, [32]), (33, [16, 17]), (100, [25] * 4)])
def test_a_large_set_is_split_evenly(devices: int, sizes: list[int]) -> None:
    groups = grouped([TAGS[2]] * devices, near, 3)
    assert [len(group) for group in groups] == sizes


def test_where_even_parts_would_be_too_small_the_newest_offers_wait() -> None:
    assert grouped([TAGS[2]] * 40, near, 32) == [tuple(range(32))]
