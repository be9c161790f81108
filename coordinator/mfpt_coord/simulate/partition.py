"""Which training examples each simulated device holds: a function of the experiment and its seed."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from mfpt_coord.simulate.experiment import Experiment
from mfpt_coord.simulate.label_skew import Mixture, draw_mixture, first_of_mixture
from mfpt_shared.device.trainer import Content, Laboratory, Share
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode

_ATTEMPTS = 1000

Rows = list[int]


def share_out(experiment: Experiment, laboratory: Laboratory) -> list[Share]:
    """Return what each device holds, in the order of the languages; the same for all methods of a seed.

    Raises:
        UsageError: The data cannot be shared out as asked.
    """
    rng = np.random.default_rng([experiment.seed, 0])
    contents = {language: laboratory.content(language) for language in experiment.languages}
    choose = same_sentences if experiment.parallel else different_sentences
    counts = {language: experiment.examples_of(language) for language in contents}
    chosen = choose(contents, counts, rng, _mixtures(experiment, contents, rng))
    # The plan counts words where they are labelled, and rows are sentences then.
    least = 1 if experiment.plan.task.tags_words else experiment.plan.privacy.min_examples
    return [
        Share(language, rows)
        for language, of_language in chosen.items()
        for rows in over_devices(of_language, contents[language], experiment.devices, experiment.label_skew, least, rng)
    ]


def _mixtures(
    experiment: Experiment, contents: Mapping[LanguageCode, Content], rng: np.random.Generator
) -> dict[LanguageCode, Mixture]:
    """Return the mixture of labels of each language with one device; empty where there is no skew between languages."""
    if math.isinf(experiment.label_skew):
        return {}
    if same := [language for language, content in contents.items() if len(set(content.labels)) < 2]:
        raise UsageError(f"--label-skew: the examples of {same[0]} have no labels of their own that could differ")
    if experiment.devices > 1:
        return {}
    return {tag: draw_mixture(content.labels, experiment.label_skew, rng) for tag, content in contents.items()}


def device_seed(experiment: Experiment, place: int) -> int:
    """Return the seed of the device at a place in the list, in 40 bits; also the same for all methods of a seed."""
    return int(np.random.default_rng([experiment.seed, 3, place]).integers(2**40))


def different_sentences(
    contents: Mapping[LanguageCode, Content],
    examples: Mapping[LanguageCode, int],
    rng: np.random.Generator,
    mixtures: Mapping[LanguageCode, Mixture] = MappingProxyType({}),
) -> dict[LanguageCode, Rows]:
    """Give every language sentences of which no other language has a translation, as among real communities.

    Args:
        contents: Language -> its training examples.
        examples: Language -> number of its rows.
        rng: Source of randomness.
        mixtures: Language -> share of each label among its rows; by chance for a language that is missing.

    Raises:
        UsageError: There are not enough different sentences.
    """
    order = _order(contents, rng)
    # Whose mixture of labels is drawn needs more sentences than it gets, to choose from.
    limits = {tag: len(content.keys) if tag in mixtures else examples[tag] for tag, content in contents.items()}
    claimed = _claimed({tag: _ordered(content, order) for tag, content in contents.items()}, contents, limits)
    chosen: dict[LanguageCode, Rows] = {}
    for language, content in contents.items():
        wanted, rows = examples[language], claimed[language]
        if len(rows) < wanted:
            raise UsageError(
                f"{language} would get only {len(rows)} of {wanted} sentences that no other language has; ask for "
                "fewer --examples, or give all languages the same ones with --parallel"
            )
        chosen[language] = _first(rows, content, wanted, mixtures.get(language))
    return chosen


def _claimed(
    ordered: Mapping[LanguageCode, Rows], contents: Mapping[LanguageCode, Content], limits: Mapping[LanguageCode, int]
) -> dict[LanguageCode, Rows]:
    """Let languages take turns to claim the first of their sentences that nobody has claimed, up to their limits.

    If one had all of its choice before the next, the last ones would get what the others cannot use: only names of
    cities, for example, where some languages lack these.
    """
    claimed: dict[LanguageCode, Rows] = {language: [] for language in ordered}
    left = {language: iter(rows) for language, rows in ordered.items()}
    taken: set[str] = set()
    while left:
        for language in list(left):
            keys = contents[language].keys
            row = next((row for row in left[language] if keys[row] not in taken), None)
            if row is None or len(claimed[language]) >= limits[language]:
                del left[language]
                continue
            claimed[language].append(row)
            taken.add(keys[row])
    return claimed


def same_sentences(
    contents: Mapping[LanguageCode, Content],
    examples: Mapping[LanguageCode, int],
    rng: np.random.Generator,
    mixtures: Mapping[LanguageCode, Mixture] = MappingProxyType({}),
) -> dict[LanguageCode, Rows]:
    """Give all languages translations of the same sentences, where they have them; arguments as above.

    Raises:
        UsageError: A language has too few examples.
    """
    order = _order(contents, rng)
    chosen = {}
    for language, content in contents.items():
        if len(content.keys) < examples[language]:
            raise UsageError(
                f"{language} has only {len(content.keys)} training examples, and --examples asks for "
                f"{examples[language]}"
            )
        chosen[language] = _first(_ordered(content, order), content, examples[language], mixtures.get(language))
    return chosen


def _first(rows: Rows, content: Content, wanted: int, mixture: Mixture | None) -> Rows:
    return sorted(rows[:wanted] if mixture is None else first_of_mixture(rows, content.labels, wanted, mixture))


def _order(contents: Mapping[LanguageCode, Content], rng: np.random.Generator) -> dict[str, int]:
    keys = sorted({key for content in contents.values() for key in content.keys})
    return dict(zip((keys[at] for at in rng.permutation(len(keys))), range(len(keys)), strict=True))


def _ordered(content: Content, order: Mapping[str, int]) -> Rows:
    return sorted(range(len(content.keys)), key=lambda row: order[content.keys[row]])


def over_devices(
    rows: Sequence[int], content: Content, devices: int, skew: float, least: int, rng: np.random.Generator
) -> list[Rows]:
    """Share out a language's rows to its devices, with label skew.

    Args:
        rows: Rows of the language.
        content: All examples of the language, chosen or not.
        devices: Number of devices.
        skew: Concentration of the Dirichlet distribution that each label's shares are drawn from; small is skewed,
            infinity gives every device the same mixture. Source: Yurochkin et al. 2019, "Bayesian nonparametric
            federated learning of neural networks", experiments.
        least: Least number of labels that each device has: one a row, or one a word.
        rng: Source of randomness.

    Raises:
        UsageError: No division with enough rows for each device was found.
    """
    if devices == 1 and content.answers(rows) >= least:
        return [list(rows)]
    by_label: dict[int, Rows] = defaultdict(list)
    for row in rng.permutation(np.asarray(rows, np.int64)).tolist():
        by_label[content.labels[row]].append(row)
    for _ in range(_ATTEMPTS):
        shares = [list[int]() for _ in range(devices)]
        for label in sorted(by_label):
            parts = np.full(devices, 1 / devices) if np.isinf(skew) else rng.dirichlet(np.full(devices, skew))
            # Each label starts with another device, so that what rounding leaves over does not pile up on one.
            start = int(rng.integers(devices))
            ends = np.rint(np.cumsum(parts) * len(by_label[label])).astype(int).tolist()
            for place, (first, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                shares[(start + place) % devices] += by_label[label][first:end]
        if min(map(content.answers, shares)) >= least:
            return [sorted(share) for share in shares]
    what = f"{least} words" if content.words else str(least)
    raise UsageError(
        f"{len(rows)} examples cannot be shared out to {devices} devices with at least {what} for each at a label "
        f"skew of {skew:g}; try fewer --devices, more --examples, or a larger --label-skew"
    )
