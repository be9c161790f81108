"""What most devices say of how much of their own they keep: one value a language, and one for all languages alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mfpt_coord.core.ordered import Ordered
from mfpt_coord.core.relations import OwnShare, Speaker
from mfpt_coord.core.speakers import Shares
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
    shown = {language: _undisputed(said.disagreements) for language, said in Shares.of(shares).by_language.items()}
    if not shown:
        return None
    common = undisputed(list(shown.values()))
    return {target: (shown.get(target, common) + common) / 2 for target in targets}


def kept_by_language(shares: Mapping[Speaker, OwnShare]) -> dict[LanguageCode, float]:
    """Return how much of their own the devices of each language keep: the median, or the lower one of two."""
    return {language: _undisputed(said.shares) for language, said in Shares.of(shares).by_language.items()}


def usual_shares(shares: Mapping[Speaker, OwnShare]) -> dict[LanguageCode, float]:
    """Return how much of their own devices usually keep: in a language with enough devices, and for `und`, in all.

    A language with fewer devices is left out: told what it said itself, a device would take chance for a habit.
    """
    known = Shares.of(shares)
    kept = kept_by_language(known)
    if not kept:
        return {}
    enough = {one: kept[one] for one, said in known.by_language.items() if len(said.shares) >= _ENOUGH_DEVICES}
    return {**enough, UNDETERMINED: undisputed(list(kept.values()))}


def _undisputed(values: Ordered[tuple[float, str]]) -> float:
    """Return the same as `undisputed` of values that are in order, at least one, without a look at each."""
    return undisputed([values.at((len(values) - 1) // 2)[0], values.at(len(values) // 2)[0]])
