"""The families of tasks that the study is about, their data, sizes and languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.presets import preset, preset_plan
from mfpt_edge.data.cldr import cldr_examples
from mfpt_edge.data.language_folders import languages_in
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction.runs import EMBEDDED
from reproduction.usual import AFRICAN

_QUICK_LANGUAGES: Final = 3


@dataclass(frozen=True, slots=True)
class Family:
    """One family of tasks.

    Attributes:
        name: Name in tables.
        preset: Preset of its plan.
        folder: Its folder in the data folder, or `cldr`.
        sizes: Numbers of training examples of a language.
        quick_size: The size that a quick study makes do with.
        languages: Languages to choose from; empty: all that the folder has.
        richer: Language -> its own number of examples, at every size.
        parallel: Whether the test sentences of all languages are translations of the same.
    """

    name: str
    preset: str
    folder: str
    sizes: tuple[int, ...]
    quick_size: int
    languages: tuple[LanguageCode, ...] = ()
    richer: Mapping[LanguageCode, int] = field(default_factory=dict)
    parallel: bool = False

    def plan(self, own: Plan | None) -> Plan:
        """Return the plan of its preset, or else its task in a plan of one's own."""
        return preset_plan(self.preset) if own is None else msgspec.structs.replace(own, task=preset(self.preset).task)

    def source(self, data: str) -> str | None:
        """Return where its data is, as `Bench.data`; None where a data folder, or `cldr`, does not have it."""
        if self.folder == EMBEDDED:
            return EMBEDDED
        folder = Path(data) / self.folder
        return str(folder) if data != EMBEDDED and folder.is_dir() else None

    def sizes_for(self, only: int | None, *, quick: bool) -> tuple[int, ...]:
        """Return the sizes to run: all, the one that is asked for, or the quick one."""
        return tuple(size for size in self.sizes if only in (None, size) and (not quick or size == self.quick_size))

    def examples(self, size: int, languages: tuple[LanguageCode, ...]) -> int | dict[LanguageCode, int]:
        """Return the number of examples of each language at a size."""
        return {tag: self.richer.get(tag, size) for tag in languages} if self.richer else size

    def taking_part(
        self, source: str, named: tuple[LanguageCode, ...] | None, *, quick: bool
    ) -> tuple[LanguageCode, ...]:
        """Return the languages that take part: those named, or else its own, as far as the data has them.

        Where some are richer than others, there are none without both.

        Args:
            source: Where its data is.
            named: Languages that somebody named.
            quick: Whether to make do with a few.
        """
        wanted = (*self.richer, *(self.languages or languages_in(Path(source))))
        found = [tag for tag in wanted if (named is None or tag in named) and _is_there(source, tag)]
        rich, others = [tag for tag in found if tag in self.richer], [tag for tag in found if tag not in self.richer]
        if self.richer and not (rich and others):
            return ()
        return (*rich[:1], *others[:_QUICK_LANGUAGES]) if quick else tuple(found)


FAMILIES: Final = (
    Family("masakhapos", "masakhapos", "masakhapos", (5, 15, 50), 15),
    Family("masakhaner2", "masakhaner", "masakhaner2", (50, 150), 50),
    Family("afrisenti", "afrisenti", "afrisenti", (35, 70, 200), 70),
    Family("masakhanews", "masakhanews", "masakhanews", (35,), 35),
    Family("sib200", "sib200", "sib200", (35, 70), 35, AFRICAN, parallel=True),
    Family("cldr", "cldr", EMBEDDED, (50,), 50, AFRICAN),
    Family(
        "mixed",
        "sib200",
        "sib200",
        (35,),
        35,
        AFRICAN,
        richer={LanguageCode("eng"): 100, LanguageCode("fra"): 100, LanguageCode("ind"): 100},
        parallel=True,
    ),
)


def families_named(names: tuple[str, ...] | None) -> list[Family]:
    """Return families by name, in the order of the table; all of them where nobody named any.

    Raises:
        UsageError: There is no family of a name.
    """
    known = [family.name for family in FAMILIES]
    for name in names or ():
        if name not in known:
            raise UsageError(
                f"there is no family {name!r}; choose from {', '.join(family.name for family in FAMILIES)}"
            )
    return [family for family in FAMILIES if names is None or family.name in names]


def _is_there(source: str, language: LanguageCode) -> bool:
    if source != EMBEDDED:
        return language in languages_in(Path(source))
    try:
        return bool(cldr_examples(language))
    except DatasetError:
        return False
