"""What a study is made with where nobody says: languages, and numbers of examples, for each task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mfpt_shared.languages import LanguageCode

AFRICAN: Final = tuple(map(LanguageCode, ["amh", "hau", "ibo", "kin", "lug", "som", "swh", "xho", "yor", "zul"]))
"""Ten languages of SIB-200."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a task; examples are texts, or sentences where words are labelled.

    Attributes:
        examples: Training examples of a language.
        counts: Training examples of a language, from few to many.
        quick_counts: The same, for a study that is to be quick.
        languages: Languages that take part; None: all that there are data for.
    """

    examples: int = 35
    counts: tuple[int, ...] = (10, 30, 70, 150, 350)
    quick_counts: tuple[int, ...] = (10, 30, 70)
    languages: tuple[LanguageCode, ...] | None = None


_USUAL: Final[Mapping[str, Usual]] = {
    "sib200": Usual(languages=AFRICAN),
    "cldr": Usual(languages=AFRICAN),
    # A sentence has some twenty words, each of them an answer.
    "masakhapos": Usual(15, (5, 15, 50, 150), (5, 15)),
    # Most of its words are no entity's.
    "masakhaner": Usual(50, (15, 50, 150, 350), (15, 50)),
}


def usual(task: str) -> Usual:
    """Return what is usual for a task.

    Args:
        task: Name of a preset, or of a plan file.
    """
    return _USUAL.get(task, Usual())
