"""Raw text as words, in many scripts."""

import pytest

from mfpt_edge.data.words import unspaced_script, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Bei ya mafuta, imepanda!", "Bei|ya|mafuta|,|imepanda|!"),
        ("(ng'ombe) wa mama-mkwe...", "(|ng'ombe|)|wa|mama-mkwe|..."),
        ("saa 12:30, 1,000.50 au 2/3", "saa|12:30|,|1,000.50|au|2/3"),
        ("don’t “l'eau” 'tis'", "don’t|“|l'eau|”|'|tis|'"),
        ("Ẹ káàárọ̀, ṣé dáadáa?", "Ẹ|káàárọ̀|,|ṣé|dáadáa|?"),
        ("ሰላም፡ለዓለም፡፡ ነው።", "ሰላም|ለዓለም|፡፡|ነው|።"),
        ("नमस्ते दुनिया।", "नमस्ते|दुनिया|।"),
        ("می‌خواهم؟", "می‌خواهم|؟"),
        ("ផ្ទះ\u200bធំ", "ផ្ទះ|ធំ"),
        ("-- x_1 – 50% ?!", "--|x_1|–|50|%|?|!"),
        (" \u00a0\t\n", ""),
    ],
)
def test_text_is_split_where_its_script_separates_words(text: str, words: str) -> None:
    assert "|".join(words_of(text)) == words


@pytest.mark.parametrize(
    ("text", "script"),
    [("สวัสดี", "Thai"), ("မင်္ဂလာပါ", "Burmese"), ("你好", "Chinese"), ("Habari", None), ("ሰላም", None), ("123", None)],
)
def test_scripts_without_spaces_are_known(text: str, script: str | None) -> None:
    assert unspaced_script(text) == script
