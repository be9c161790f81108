"""Texts of others are shown on one line, and do nothing to a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.texts import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cpu, 4 cores", "cpu, 4 cores"),
        ("[/] [red]", "[/] [red]"),
        ("\x1b]0;x\x07", "]0;x"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("\x9b2J", "2J"),
        ("a\u202ebc\u2066", "abc"),
        ("one\ntwo\r\nthree\tfour", "one two  three four"),
        ("a\u2028b", "a b"),
        ("half \ud800", "half "),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Kiswahili ꓡꓲ-ꓢꓴ 🙂", "Kiswahili ꓡꓲ-ꓢꓴ 🙂"),
    ],
)
def test_a_text_is_shown_without_what_moves_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut() -> None:
    assert printable("x" * 90, 80) == "x" * 79 + "…"
    assert printable("x" * 80, 80) == "x" * 80


def test_lines_stay_lines() -> None:
    assert printable_lines("one\x1b[31m\ntwo") == "one[31m\ntwo"


@given(st.text(st.characters(), max_size=50))
def test_whatever_the_text_it_is_one_line_of_unicode_without_controls(text: str) -> None:
    shown = printable(text)
    assert {unicodedata.category(character) for character in shown}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert printable(shown) == shown
    shown.encode()
