"""Language tags: whatever people type becomes one ISO 639-3 code, or an error that says what to type."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode, device_language, named, normalise, short_tag


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("sw", "swh"),
        ("sw-KE", "swh"),
        ("sw_KE", "swh"),
        ("swa", "swh"),
        ("swh", "swh"),
        ("SW", "swh"),
        ("zh", "cmn"),
        ("zh-Hans-CN", "cmn"),
        ("yue", "yue"),
        ("zh-yue", "yue"),
        ("ar", "arb"),
        ("arz", "arz"),
        ("no", "nob"),
        ("nn", "nno"),
        ("iw", "heb"),
        ("eng", "eng"),
        ("en-Latn-US", "eng"),
        ("haw", "haw"),
        ("und", "und"),
        ("mol", "ron"),
        ("drw", "prs"),
        ("fas", "pes"),
    ],
)
def test_a_tag_becomes_its_code(tag: str, code: str) -> None:
    assert normalise(tag) == code


@pytest.mark.parametrize("code", ["prs", "swc", "tgl", "cnr", "fil", "arz", "rsk", "tok", "wdt"])
def test_a_code_of_iso_639_3_stays_what_it_is(code: str) -> None:
    assert [normalise(tag) for tag in (code, f"{code}-Latn", f"{code}_Latn", code.upper())] == [code] * 4


def test_the_short_tag_of_tagalog_is_not_taken_for_filipino() -> None:
    assert normalise("tl") == normalise("tl-PH") == "tgl"


@pytest.mark.parametrize("tag", ["tgl-nonsense-nonsense", "swc-", "prs-1", "rsk\n"])
def test_a_code_that_stays_is_refused_with_a_tag_that_is_none(tag: str) -> None:
    with pytest.raises(UsageError, match="unknown language tag"):
        normalise(tag)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("swc", "Congo Swahili (swc)"),
        ("prs", "Dari (prs)"),
        ("tgl", "Tagalog (tgl)"),
        ("nob", "Norwegian Bokmål (nob)"),
        ("qaa", "qaa"),
    ],
)
def test_a_code_is_told_with_the_name_of_its_language(code: str, name: str) -> None:
    assert named(code) == name


@pytest.mark.parametrize(
    "tag", ["", " ", "x", "english", "klingon", "xx", "x-foo", "mul", "zxx", "mis", "sw/../", "é", "sw\n"]
)
def test_what_names_no_language_is_refused_with_advice(tag: str) -> None:
    with pytest.raises(UsageError, match=f"{re.escape(repr(tag))}.*such as 'sw'"):
        normalise(tag)


@pytest.mark.parametrize(
    ("code", "tag"),
    [("swh", "sw"), ("cmn", "zh"), ("eng", "en"), ("haw", "haw"), ("und", "und"), ("tgl", "tl"), ("prs", "prs")],
)
def test_a_code_has_a_short_tag(code: str, tag: str) -> None:
    assert short_tag(LanguageCode(code)) == tag


@pytest.mark.parametrize(("name", "tag"), [("swahili", "sw"), ("Congo Swahili", "swc"), ("YORUBA", "yo")])
def test_a_name_in_the_place_of_a_tag_is_answered_with_the_tag(name: str, tag: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is a name and no language tag: give {tag} for "):
        device_language(name)


@settings(max_examples=500)
@given(st.text(max_size=12) | st.text("abcdeswzh-_XKE0", max_size=9))
def test_any_text_is_a_code_or_a_usage_error(tag: str) -> None:
    try:
        code = normalise(tag)
    except UsageError:
        return
    assert re.fullmatch("[a-z]{3}", code)
    assert normalise(code) == code
    assert normalise(short_tag(code)) == code
