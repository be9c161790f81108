"""Which families, sizes and languages the study takes."""

from pathlib import Path

import pytest

from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from reproduction.families_table import FAMILIES, Family, families_named

SWAHILI, ZULU, ENGLISH, FRENCH = map(LanguageCode, ("swh", "zul", "eng", "fra"))
FAMILY = Family("words", "sib200", "words", (5, 15, 50), 15)
MIXED = Family("mixed", "sib200", "words", (35,), 35, (SWAHILI, ZULU), {ENGLISH: 100, FRENCH: 100})


def data(folder: Path, *languages: str) -> str:
    """Return a data folder in which the family has these languages."""
    for language in languages:
        (folder / "words" / language).mkdir(parents=True)
    return str(folder)


def test_a_family_without_a_folder_has_no_source(tmp_path: Path) -> None:
    assert FAMILY.source(str(tmp_path)) is None


def test_the_embedded_family_needs_no_folder(tmp_path: Path) -> None:
    [cldr] = families_named(("cldr",))
    assert cldr.source(str(tmp_path)) == cldr.source("cldr") == "cldr"
    assert FAMILY.source("cldr") is None


def test_all_languages_of_a_folder_take_part(tmp_path: Path) -> None:
    source = FAMILY.source(data(tmp_path, "sw", "zul_Latn"))
    assert source is not None
    assert FAMILY.taking_part(source, None, quick=False) == (SWAHILI, ZULU)


def test_of_the_languages_that_are_named_a_family_takes_those_it_has(tmp_path: Path) -> None:
    source = FAMILY.source(data(tmp_path, "sw", "zul_Latn"))
    assert source is not None
    assert FAMILY.taking_part(source, (ZULU, ENGLISH), quick=False) == (ZULU,)


def test_a_mixed_family_has_richer_languages_and_others_or_none(tmp_path: Path) -> None:
    source = MIXED.source(data(tmp_path, "sw", "zul", "eng"))
    assert source is not None
    languages = MIXED.taking_part(source, None, quick=False)
    assert languages == (ENGLISH, SWAHILI, ZULU)
    assert MIXED.examples(35, languages) == {ENGLISH: 100, SWAHILI: 35, ZULU: 35}
    assert MIXED.taking_part(source, (SWAHILI, ZULU), quick=False) == ()


@pytest.mark.parametrize(
    ("only", "quick", "sizes"), [(None, False, (5, 15, 50)), (50, False, (50,)), (None, True, (15,)), (7, False, ())]
)
def test_sizes_are_filtered(only: int | None, quick: bool, sizes: tuple[int, ...]) -> None:
    assert FAMILY.sizes_for(only, quick=quick) == sizes


def test_every_family_has_a_plan_for_its_quick_size() -> None:
    for family in FAMILIES:
        assert family.plan(None).task.kind in ("classification", "tagging")
        assert family.quick_size in family.sizes


def test_a_family_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    with pytest.raises(UsageError, match="there is no family 'poems'; choose from masakhapos"):
        families_named(("cldr", "poems"))
