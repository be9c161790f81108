"""What it shows about borrowing how much devices keep, in worlds whose bias is known: the estimate comes to rest."""

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from mfpt_coord.core.own_shares import newest_shares
from mfpt_coord.core.proximity import PRIOR_BIAS, proximities
from mfpt_coord.core.relations import OwnShare, Relations, pair
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.protocol.messages import Metrics
from mfpt_shared.tensors import Array
from support.relations import TAGS, contribution

PLAN = Aggregation(start_together=0)
TARGET, *OTHERS = TAGS
DISTANCES = {pair(*two): {"custom": 0.3 + 0.1 * place} for place, two in enumerate(itertools.combinations(TAGS, 2))}
EXAMPLES = dict.fromkeys(TAGS, 40.0)


def known(disagreement: float) -> Relations:
    return Relations(DISTANCES, {}, {(TARGET, "c"): OwnShare(0.0, disagreement)})


def borrowed(relations: Relations, examples: Mapping[LanguageCode, float]) -> Array:
    """Return the shares of all languages in the target's prompt."""
    weights = proximities([TARGET], list(examples), relations, examples, PLAN)[0] * np.array(list(examples.values()))
    shares: Array = weights / weights.sum()
    return shares


def best_share(shares: Array, own: float, squared_bias: float, examples: Mapping[LanguageCode, float]) -> float:
    """Return how much of its own a device keeps that knows the bias: found by trying, not by the formula."""
    counts = np.array(list(examples.values()))
    distances = [0.0] + [DISTANCES[pair(TARGET, other)]["custom"] for other in examples if other != TARGET]
    bias = squared_bias * float(shares @ np.array(distances)) ** 2
    kept = np.linspace(0, 0.999, 4000)
    # The device's own examples are among those of its language.
    of_own = kept + (1 - kept) * shares[0] * own / counts[0]
    of_peers = (1 - kept) * shares[0] * (counts[0] - own) / counts[0]
    noise = of_own**2 / own + (1 - kept) ** 2 * float(np.sum(shares[1:] ** 2 / counts[1:]))
    if counts[0] > own:
        noise += of_peers**2 / (counts[0] - own)
    return float(kept[np.argmin((1 - kept) ** 2 * bias + noise)])


def said(share: float, own: float, examples: Mapping[LanguageCode, float], relations: Relations) -> OwnShare:
    update = contribution(TARGET, metrics=Metrics(own_share=share, validated=12))
    return newest_shares([(update, own)], examples, relations, PLAN)[TARGET, "c"]


def estimates(start: float, squared_bias: float, own: float, examples: Mapping[LanguageCode, float]) -> Iterator[float]:
    """Yield what the coordinator thinks after each round of a device that keeps what is best for it."""
    disagreement = start
    while True:
        relations = known(disagreement)
        share = best_share(borrowed(relations, examples), own, squared_bias, examples)
        disagreement = said(share, own, examples, relations).disagreement
        yield disagreement


def at_rest(squared_bias: float) -> float:
    return math.log(squared_bias / 2 / PRIOR_BIAS)


@pytest.mark.parametrize("peers", [1, 4], ids=["one device", "one of four devices"])
@pytest.mark.parametrize("squared_bias", [0.005, 0.05, 0.3])
@pytest.mark.parametrize("start", [-4.0, 0.0, 7.0])
def test_from_any_start_the_estimate_comes_to_rest_at_half_the_true_bias_without_swinging(
    start: float, squared_bias: float, peers: int
) -> None:
    examples = {**EXAMPLES, TARGET: 40.0 * peers}
    rounds = list(itertools.islice(estimates(start, squared_bias, 40.0, examples), 40))
    rest = at_rest(squared_bias)
    assert rounds[-1] == pytest.approx(rest, abs=0.1)
    distances = [abs(one - rest) for one in (start, *rounds)]
    assert all(later <= earlier + 0.1 for earlier, later in itertools.pairwise(distances))


def test_where_nobody_keeps_anything_languages_come_to_count_alike() -> None:
    rounds = list(itertools.islice(estimates(5.0, 0.0, 40.0, EXAMPLES), 40))
    assert all(later < earlier for earlier, later in itertools.pairwise(rounds[:30]))
    assert borrowed(known(rounds[-1]), EXAMPLES) == pytest.approx(np.full(len(TAGS), 1 / len(TAGS)), abs=0.01)


def lagging(noise: float, lag: int, rounds: int) -> list[float]:
    """Return estimates where a device chooses by chance as well, and beside a prompt that has the last shares still."""
    random, disagreement = np.random.default_rng(3), 0.0
    recent = [borrowed(known(disagreement), EXAMPLES)] * lag
    found = []
    for _ in range(rounds):
        relations = known(disagreement)
        recent = [*recent[1:], borrowed(relations, EXAMPLES)]
        share = best_share(np.mean(recent, axis=0), 40.0, 0.05, EXAMPLES)
        odds = share / (1 - share) * math.exp(random.normal(0, noise))
        disagreement = said(odds / (1 + odds), 40.0, EXAMPLES, relations).disagreement
        found.append(disagreement)
    return found


def test_a_prompt_that_lags_behind_makes_the_estimate_swing_less_and_less() -> None:
    distances = [abs(one - at_rest(0.05)) for one in lagging(noise=0.0, lag=4, rounds=40)]
    assert max(distances[10:20]) < max(distances[:10])
    assert max(distances[20:]) < 0.1


def test_chance_moves_the_estimate_and_does_not_carry_it_away() -> None:
    found = lagging(noise=1.0, lag=2, rounds=300)
    assert np.mean(found[20:]) == pytest.approx(at_rest(0.05), abs=0.5)
    assert np.std(found[20:]) < 0.7


def test_a_share_that_was_chosen_beside_an_earlier_prompt_tells_what_is_kept_and_shows_nothing() -> None:
    relations = known(1.5)
    repeated = contribution(TARGET, metrics=Metrics(own_share=0.9))
    assert newest_shares([(repeated, 40.0)], EXAMPLES, relations, PLAN) == {(TARGET, "c"): OwnShare(0.9, 1.5)}
    assert newest_shares([(repeated, 40.0)], EXAMPLES, Relations(), PLAN) == {}


def test_what_is_kept_beside_a_prompt_of_the_first_versions_shows_nothing() -> None:
    plan = Aggregation(start_together=3)
    for version, shows in ((2, False), (3, True)):
        update = contribution(TARGET, metrics=Metrics(own_share=0.9, validated=12), base=version)
        changed = newest_shares([(update, 40.0)], EXAMPLES, known(0.0), plan)
        assert (changed[TARGET, "c"].disagreement > 0) is shows
