"""Does federating cost anything? The verdicts on what was measured.

*No regret*: nobody who joins would have done better with another method. In each family and size, the gain of what
devices use over the best rival is, at the lower end of its 95 % interval, above -1.5 points. Which rival is best shows
in hindsight, on the test sentences: this favours the rivals, and no choice on training data could be harder to beat.
(Scores on held-out examples would not do: alone chooses its rounds and rates by them, and looks better than it is.)

*No harm*: no language does worse than alone. For each language, family and size, a one-sided test; over all of them,
Holm's correction. And no family's mean is below alone.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from mfpt_shared.languages import LanguageCode
from reproduction.bootstrap import Interval, Scores, Tallies, chance_of_harm, interval, resampled, seed_mean
from reproduction.many_tests import LEVEL, holm

USED: Final = "mfpt_used"
ALONE: Final = "local_best"
RIVALS: Final = (ALONE, "fedavg", "fedbuff", "fixed")
MARGIN: Final = -0.015


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured in one family at one size.

    Attributes:
        family: Name of the family.
        examples: Training examples of a language.
        parallel: Whether the test sentences of all languages are translations of the same.
        seeds: Seeds of the runs.
        tallies: Method -> language -> tallies; all methods on the same languages, seeds and sentences.
    """

    family: str
    examples: int
    parallel: bool
    seeds: tuple[int, ...]
    tallies: Mapping[str, Mapping[LanguageCode, Tallies]]

    @property
    def languages(self) -> tuple[LanguageCode, ...]:
        """Languages in which every method was measured."""
        return tuple(self.tallies[USED])

    def scores(self, method: str) -> dict[LanguageCode, float]:
        """Return language -> accuracy or F1 of a method on all its test sentences, as the mean over the seeds."""
        return {language: seed_mean(tallies) for language, tallies in self.tallies[method].items()}

    def mean(self, method: str) -> float:
        """Return a method's mean over the languages."""
        return statistics.mean(self.scores(method).values())


class Harm(NamedTuple):
    """What one language gains over being alone, and whether chance explains it.

    Attributes:
        gain: With its 95 % interval.
        p: One-sided p-value of "it is worse than alone".
        holm: The same, corrected for all languages, families and sizes.
    """

    gain: Interval
    p: float
    holm: float


class Verdict(NamedTuple):
    """The verdicts on one row.

    Attributes:
        rival: The best rival, in hindsight.
        over_rival: Mean gain over the rival.
        over_alone: Mean gain over being alone.
        harms: Language -> gain over being alone.
    """

    rival: str
    over_rival: Interval
    over_alone: Interval
    harms: dict[LanguageCode, Harm]

    @property
    def no_regret(self) -> bool:
        """Whether the gain over the rival is surely above -1.5 points."""
        return self.over_rival.low > MARGIN

    @property
    def harmed(self) -> list[LanguageCode]:
        """Languages that are worse than alone, after correction."""
        return [language for language, harm in self.harms.items() if harm.holm < LEVEL]


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Return the verdict on each row; the correction for many tests is over all of them."""
    p_values = [
        {
            language: chance_of_harm(row.tallies[USED][language], row.tallies[ALONE][language])
            for language in row.languages
        }
        for row in rows
    ]
    corrected = iter(holm([p for of_row in p_values for p in of_row.values()]))
    return [
        _verdict(row, of_row, {language: next(corrected) for language in of_row})
        for row, of_row in zip(rows, p_values, strict=True)
    ]


def best_rival(row: Row) -> str:
    """Return the rival with the best mean on the test sentences."""
    return max(RIVALS, key=row.mean)


def below_alone(rows: Sequence[Row]) -> list[tuple[Row, LanguageCode]]:
    """Return where a language is below alone by more than two standard errors of its test set.

    The standard error is that of a share: sqrt(a (1 - a) / n) for alone's score a on n test examples. It is coarser
    than the paired test, and anybody can compute it from the scores.
    """
    found = []
    for row in rows:
        ours, alone = row.scores(USED), row.scores(ALONE)
        for language in row.languages:
            tested = row.tallies[USED][language].shape[1]
            error = (alone[language] * (1 - alone[language]) / tested) ** 0.5
            if ours[language] < alone[language] - 2 * error:
                found.append((row, language))
    return found


def _verdict(row: Row, p_values: Mapping[LanguageCode, float], corrected: Mapping[LanguageCode, float]) -> Verdict:
    rival = best_rival(row)
    drawn = resampled({name: row.tallies[name] for name in {USED: 0, ALONE: 0, rival: 0}}, parallel=row.parallel)
    ours, alone = row.scores(USED), row.scores(ALONE)
    harms = {
        language: Harm(
            interval(ours[language] - alone[language], drawn[USED][language] - drawn[ALONE][language]),
            p_values[language],
            corrected[language],
        )
        for language in row.languages
    }
    return Verdict(rival, _mean_gain(row, drawn, rival), _mean_gain(row, drawn, ALONE), harms)


def _mean_gain(row: Row, drawn: Mapping[str, Mapping[LanguageCode, Scores]], over: str) -> Interval:
    """Return the gain of what devices use over another method, as the mean over the languages."""
    differences = [drawn[USED][language] - drawn[over][language] for language in row.languages]
    return interval(row.mean(USED) - row.mean(over), np.mean(differences, axis=0))
