"""Which offers are added up together: cohorts of one language where it has enough devices, else of near languages.

A cohort is as small as may be for what it teaches, a language by itself, and as large as must be for what it hides:
`least` devices. None is larger than `most`, so that nobody exchanges keys with more devices than that. Source of the
sums: Bonawitz et al. 2017, "Practical secure aggregation for privacy-preserving machine learning"; that large sets are
split instead of linked sparsely (Bell et al. 2020) bounds the cost of a device in a simpler way.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan_sections import MOST_MEMBERS

Nearness = Callable[[LanguageCode, LanguageCode], float]
"""How near two languages are; larger is nearer."""

Group = tuple[int, ...]
"""Places of offers in the sequence that was grouped, each of them once."""


def grouped(languages: Sequence[LanguageCode], near: Nearness, least: int, most: int = MOST_MEMBERS) -> list[Group]:
    """Return which offers form cohorts. Whoever is in none waits for the next fold.

    Languages with enough offers keep to themselves. The smallest of the others is joined with the nearest of them,
    until each group has enough. What is left over, fewer than `least` in all, joins the nearest cohort if there is one.

    Args:
        languages: Language of each offer, first come first.
        near: Symmetric; of equally near groups, the first counts as nearest.
        least: Least number of devices in a cohort, 2 or more.
        most: Largest number, `least` or more.
    """
    of_language: dict[LanguageCode, Group] = {}
    for place, language in enumerate(languages):
        of_language[language] = (*of_language.get(language, ()), place)
    ordered = [of_language[language] for language in sorted(of_language)]
    whole = [group for group in ordered if len(group) >= least]
    small = [group for group in ordered if len(group) < least]

    def between(first: Group, second: Group) -> float:
        pairs = [near(languages[one], languages[other]) for one in first for other in second]
        return sum(pairs) / len(pairs)

    def nearest(group: Group, others: Sequence[Group]) -> int:
        return max(range(len(others)), key=lambda place: (between(group, others[place]), -place))

    while len(small) > 1:
        first, *others = sorted(small, key=len)
        joined = first + others.pop(nearest(first, others))
        (whole if len(joined) >= least else others).append(joined)
        small = others
    if small and whole:
        whole[nearest(small[0], whole)] += small[0]
    return [part for group in whole for part in _split(group, languages, least, most)]


def _split(group: Group, languages: Sequence[LanguageCode], least: int, most: int) -> list[Group]:
    """Return a group in even parts of at most `most`; if those were too small, full ones, and the newest offers wait.

    Devices of one language stay together as far as they can.
    """
    count = -(-len(group) // most)
    if count * least > len(group):
        count -= 1
        group = tuple(sorted(group)[: count * most])
    by_language = sorted(group, key=lambda place: (languages[place], place))
    ends = [len(group) * part // count for part in range(count + 1)]
    return [tuple(by_language[start:end]) for start, end in pairwise(ends)]
