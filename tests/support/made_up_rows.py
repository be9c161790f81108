"""Rows of the study over families with made-up answers, whose truth is known."""

from collections.abc import Mapping

import numpy as np

from mfpt_shared.languages import LanguageCode
from reproduction.families_report import METHODS
from reproduction.families_verdicts import Row

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")


def made_up_row(
    family: str = "topics",
    examples: int = 35,
    *,
    chances: Mapping[str, float] | None = None,
    harmed: Mapping[LanguageCode, float] | None = None,
    sentences: int = 300,
    languages: tuple[LanguageCode, ...] = (SWAHILI, ZULU),
) -> Row:
    """Return a row of texts, with two seeds.

    Args:
        family: Name of the family.
        examples: Training examples of a language.
        chances: Method -> chance to be right, where it is not .6.
        harmed: Language -> chance of what devices use to be right there.
        sentences: Test sentences of a language.
        languages: Languages of the row.
    """
    rng = np.random.default_rng([examples, sentences])
    luck = {language: rng.random((2, sentences)) for language in languages}
    tallies = {}
    for method in METHODS:
        of_method = {}
        for language in languages:
            chance = (chances or {}).get(method, 0.6)
            if method == "mfpt_used":
                chance = (harmed or {}).get(language, chance)
            right = (luck[language] < chance).astype(np.int64)
            of_method[language] = np.stack([right, np.ones_like(right), np.ones_like(right)], axis=-1)
        tallies[method] = of_method
    return Row(family, examples, False, (0, 1), tallies)
