"""Ready-made plans for known tasks."""

from collections.abc import Mapping
from typing import Final

from mfpt_shared.errors import UsageError
from mfpt_shared.plan import Task

PRESETS: Final[Mapping[str, Task]] = {
    # Names of things in more than a hundred languages, from Unicode's CLDR: the embedded data of every device.
    "cldr": Task(labels=("country", "language", "currency", "unit", "city"), data="cldr"),
    # SIB-200, Adelani et al. 2024: topics of sentences from Flores-200 in 205 languages.
    "sib200": Task(
        labels=("science/technology", "travel", "politics", "sports", "health", "entertainment", "geography"),
    ),
    # MasakhaNEWS, Adelani et al. 2023: topics of news in 16 African languages; not every language has every topic.
    "masakhanews": Task(
        labels=("business", "entertainment", "health", "politics", "religion", "sports", "technology"),
    ),
}


def preset(name: str) -> Task:
    """Return the task of a preset.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
