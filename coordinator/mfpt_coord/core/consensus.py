"""What most devices say of how much of their own they keep: one value a language, and one for all languages alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mfpt_coord.core.relations import OwnShare, Speaker
from mfpt_shared.languages import UNDETERMINED, LanguageCode

# With fewer devices, a language's median is what one of them says.
_ENOUGH_DEVICES: Final = 3


def undisputed(values: Sequence[float]) -> float:
    """Return the median; of the two in the middle of an even number the one nearer to 0, and 0 if they differ in sign.

    So no liar moves it beyond what an honest one says, while more than half are honest, nor one of two at all.
    """
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return max(low, 0.0) + min(high, 0.0)


def disagreements(
    shares: Mapping[Speaker, OwnShare], targets: Iterable[LanguageCode]
) -> dict[LanguageCode, float] | None:
    """Return each target's disagreement: what its devices show, and what all languages do, in equal parts.

    Returns:
        Language -> natural logarithm of the factor between its squared bias and the prior's; None: nobody knows.
    """
    shown = {
        language: undisputed([one.disagreement for one in of_devices])
        for language, of_devices in _by_language(shares).items()
    }
    if not shown:
        return None
    common = undisputed(list(shown.values()))
    return {target: (shown.get(target, common) + common) / 2 for target in targets}


def kept_by_language(shares: Mapping[Speaker, OwnShare]) -> dict[LanguageCode, float]:
    """Return how much of their own the devices of each language keep: the median, or the lower one of two."""
    return {
        language: undisputed([one.share for one in of_devices]) for language, of_devices in _by_language(shares).items()
    }


def usual_shares(shares: Mapping[Speaker, OwnShare]) -> dict[LanguageCode, float]:
    """Return how much of their own devices usually keep: in a language with enough devices, and for `und`, in all.

    A language with fewer devices is left out: told what it said itself, a device would take chance for a habit.
    """
    kept = kept_by_language(shares)
    if not kept:
        return {}
    enough = {
        language: kept[language]
        for language, of_devices in _by_language(shares).items()
        if len(of_devices) >= _ENOUGH_DEVICES
    }
    return {**enough, UNDETERMINED: undisputed(list(kept.values()))}


def _by_language(shares: Mapping[Speaker, OwnShare]) -> dict[LanguageCode, list[OwnShare]]:
    by_language: dict[LanguageCode, list[OwnShare]] = {}
    for (language, _), share in shares.items():
        by_language.setdefault(language, []).append(share)
    return by_language
