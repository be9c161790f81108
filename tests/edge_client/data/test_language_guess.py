"""A guess of the language only ever contradicts a claim that the identifier can judge."""

import pytest

from mfpt_edge.data.language_guess import other_language
from mfpt_shared.languages import LanguageCode

ENGLISH = (
    "The parliament has passed the budget for the coming year after a long debate.",
    "The team won the final in front of a large crowd on Saturday evening.",
    "A new hospital will open its doors in the north of the country next month.",
    "Farmers hope that the rain will come before the seeds dry in the ground.",
)
SWAHILI = (
    "Bunge limepitisha bajeti ya mwaka ujao baada ya mjadala mrefu sana.",
    "Timu ilishinda fainali mbele ya umati mkubwa wa watu siku ya Jumamosi jioni.",
    "Hospitali mpya itafunguliwa kaskazini mwa nchi mwezi ujao na serikali.",
    "Wakulima wanatumaini kwamba mvua itanyesha kabla mbegu hazijakauka ardhini.",
)


@pytest.mark.parametrize(
    ("texts", "claimed", "likely"),
    [
        (ENGLISH, "swh", "eng"),
        (SWAHILI, "eng", "swh"),
        (SWAHILI, "swh", None),
        (SWAHILI, "swc", None),
        (ENGLISH, "bam", None),
        (ENGLISH, "pcm", None),
    ],
)
def test_another_language_is_told_only_where_the_identifier_knows_the_one_claimed(
    texts: tuple[str, ...], claimed: str, likely: str | None
) -> None:
    guess = other_language(texts * 10, LanguageCode(claimed))

    assert (guess.language if guess else None) == likely


def test_a_dozen_long_sentences_are_enough() -> None:
    guess = other_language([f"{text} {text} {text}" for text in ENGLISH * 3], LanguageCode("swh"))

    assert guess is not None
    assert (guess.language, guess.of) == ("eng", 3)


def test_a_few_words_are_not_judged() -> None:
    assert other_language(("good morning",) * 3, LanguageCode("swh")) is None


def test_texts_of_two_languages_are_not_called_another_one() -> None:
    assert other_language((*ENGLISH * 5, *SWAHILI * 5), LanguageCode("swh")) is None
