"""How sure is a difference between two methods, seeing that the test set is a sample of sentences?

Accuracy and F1 alike follow from tallies of sentences (`mfpt_shared.device.trainer.Tally`): sums over a language's
sentences of right, given and wanted answers. Sentences are what is drawn at random, never words: words of one sentence
succeed and fail together. All seeds of all methods answer the same sentences, so that a sentence that is drawn brings
its tallies of all of them.

What is not in these figures: how much would change with other training examples. The seeds show it.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.languages import LanguageCode

Tallies = NDArray[np.int64]
"""[seeds, sentences, 3]: right, given and wanted answers of one method in one language."""

Scores = NDArray[np.float64]
"""[draws]: mean over the seeds, for each resample of the test sentences."""

_TAIL: Final = 2.5
# Draws times sentences that are in memory at once, 8 bytes each.
_BLOCK: Final = 2_000_000


class Interval(NamedTuple):
    """A mean, and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def score(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return accuracy or F1 from sums of tallies; 0 where nothing is given and nothing wanted.

    Args:
        sums: [..., 3], right, given and wanted.
    """
    right, asked = sums[..., 0], sums[..., 1] + sums[..., 2]
    return np.divide(2.0 * right, asked, out=np.zeros_like(right), where=asked > 0)


def seed_mean(tallies: Tallies) -> float:
    """Return a method's score on all test sentences of a language, as the mean over the seeds."""
    return float(score(tallies.sum(axis=1).astype(np.float64)).mean())


def resampled(
    methods: Mapping[str, Mapping[LanguageCode, Tallies]], *, parallel: bool, draws: int = 2000, seed: int = 0
) -> dict[str, dict[LanguageCode, Scores]]:
    """Return the scores of all methods on resampled test sentences: method -> language -> [draws].

    Languages are resampled within themselves, each to as many sentences as it has, and all methods on the same
    resamples. Differences of what is returned are therefore paired.

    Args:
        methods: Method -> language -> tallies; the same languages and sentences for all methods.
        parallel: Whether a place in the test set holds the same sentence in all languages, translated. A sentence is
            then drawn in all languages at once: what is hard to tell in one is so in the others, and twelve
            translations say less than twelve sentences. Where languages have different numbers of sentences, places do
            not correspond, and every language is resampled for itself.
        draws: Number of resamples.
        seed: Of the resampling.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, sections 8.3 (clusters that stay together)
    and 13.3; paired over systems: Koehn 2004, "Statistical significance tests for machine translation evaluation".
    """
    languages = next(iter(methods.values()))
    together = parallel and len({tallies.shape[1] for tallies in languages.values()}) == 1
    found: dict[str, dict[LanguageCode, Scores]] = {name: {} for name in methods}
    for place, language in enumerate(languages):
        stacked = np.stack([of_method[language] for of_method in methods.values()])
        rng = np.random.default_rng([seed, 0 if together else place])
        for name, scores in zip(methods, _on_resamples(stacked, draws, rng), strict=True):
            found[name][language] = scores
    return found


def interval(observed: float, differences: Scores) -> Interval:
    """Return the 95 % percentile interval of a difference, from its values on resamples.

    Source: Efron and Tibshirani, section 13.3.
    """
    low, high = np.percentile(differences, [_TAIL, 100 - _TAIL])
    return Interval(observed, float(low), float(high))


def chance_of_harm(ours: Tallies, theirs: Tallies, *, draws: int = 20_000, seed: int = 0) -> float:
    """Return the one-sided p-value of "ours is worse than theirs" in one language, without assuming a distribution.

    If it made no difference which of two methods answers a sentence, their answers could be swapped at will. The
    p-value is the share of random swaps after which ours is at least as far behind as it is. All seeds of a sentence
    are swapped together.

    Args:
        ours: [seeds, sentences, 3].
        theirs: [seeds, sentences, 3], on the same sentences.
        draws: Number of random swaps; the smallest p-value is 1 / (draws + 1).
        seed: Of the swaps.

    Source: Noreen 1989, "Computer-intensive methods for testing hypotheses", section 2.2; for F1: Yeh 2000, "More
    accurate tests for the statistical significance of result differences".
    """
    observed = seed_mean(ours) - seed_mean(theirs)
    gaps = np.moveaxis(theirs - ours, 0, 1).astype(np.float64)
    gaps = gaps[gaps.any(axis=(1, 2))]
    ours_sums, theirs_sums = ours.sum(axis=1).astype(np.float64), theirs.sum(axis=1).astype(np.float64)
    rng = np.random.default_rng(seed)
    as_bad = 0
    for size in _blocks(draws, len(gaps)):
        swaps = rng.integers(0, 2, (size, len(gaps)), dtype=np.uint8).astype(np.float64)
        moved = np.tensordot(swaps, gaps, axes=1)
        differences = (score(ours_sums + moved) - score(theirs_sums - moved)).mean(axis=-1)
        # A hair's breadth above, so that rounding hides no tie.
        as_bad += int((differences <= observed + 1e-12).sum())
    return (as_bad + 1) / (draws + 1)


def _on_resamples(stacked: NDArray[np.int64], draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return mean scores over the seeds: [methods, seeds, sentences, 3] -> [methods, draws]."""
    sentences = stacked.shape[2]
    by_sentence = np.moveaxis(stacked, 2, 0).astype(np.float64)
    parts = []
    for size in _blocks(draws, sentences):
        drawn = rng.integers(0, sentences, (size, sentences)) + sentences * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * sentences).reshape(size, sentences)
        sums = np.tensordot(times.astype(np.float64), by_sentence, axes=1)
        parts.append(score(sums).mean(axis=-1))
    return np.concatenate(parts).T


def _blocks(draws: int, sentences: int) -> Iterator[int]:
    """Yield the sizes of blocks of draws that fit into memory."""
    most = max(1, _BLOCK // max(1, sentences))
    for start in range(0, draws, most):
        yield min(most, draws - start)
