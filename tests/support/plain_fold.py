"""What a fold needs to know of all devices, found by a look at each: what it must find without one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mfpt_coord.core.active import active_examples
from mfpt_coord.core.best import newly_best
from mfpt_coord.core.client import Measured
from mfpt_coord.core.standing import Best
from mfpt_coord.core.state import Counted, State
from mfpt_coord.core.taking_part import takes_part
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation


def check_fold(state: State, updates: Sequence[Counted]) -> None:
    """Compare what a fold of these updates goes by with what a look at every device finds."""
    active, own = active_examples(state, updates)
    expected, counted = plain_active(state, updates)
    assert own == pytest.approx({update.client: counted[update.client] for update in updates})
    assert list(active) == sorted(expected)
    for language, devices in active.items():
        assert sorted(np.repeat(devices.examples, devices.devices)) == pytest.approx(sorted(expected[language]))
    best, plain = newly_best(state), plain_best(state)
    assert {one: (found.version, found.examples) for one, found in best.items()} == {
        one: (found.version, found.examples) for one, found in plain.items()
    }
    assert [best[one].accuracy for one in plain] == pytest.approx([found.accuracy for found in plain.values()])


def plain_active(state: State, updates: Sequence[Counted]) -> tuple[dict[LanguageCode, list[float]], dict[str, float]]:
    """Return language -> what each of its active devices counts with, and device -> what it counts with."""
    online = {name: one for name, one in state.clients.items() if one.state == "online" and one.examples > 0}
    examples = {name: one.examples for name, one in online.items()}
    examples.update({update.client: update.examples for update in updates})
    folded = {name: one.folded for name, one in state.clients.items()}
    counted = plain_counts(examples, folded, state.plan.aggregation)
    speaking = {(name, one.language) for name, one in online.items()}
    speaking = {one for one in speaking if all(update.client != one[0] for update in updates)}
    active: dict[LanguageCode, list[float]] = {}
    for name, language in speaking | {(update.client, update.language) for update in updates}:
        active.setdefault(language, []).append(counted[name])
    return active, counted


def plain_counts(examples: Mapping[str, int], folded: Mapping[str, int], plan: Aggregation) -> dict[str, float]:
    """Return what each device counts with: they are cut down one by one, until the largest is no more than its share.

    A device that is missing in `folded` has no updates in earlier folds.
    """
    said = {name: min(max(count, 1), plan.max_examples) for name, count in examples.items()}
    share, rest, cut = max(plan.device_share, 2 / max(1, len(said))), sum(said.values()), 0
    level = max(said.values(), default=0) * 1.0
    for largest in sorted(said.values(), reverse=True):
        level = share * rest / (1 - cut * share) if cut * share < 1 else largest
        if largest <= level:
            break
        rest, cut = rest - largest, cut + 1
    counted = {name: min(count, level) for name, count in said.items()}
    new = {name for name in said if folded.get(name, 0) < plan.newcomer_updates}
    of_new = sum(counted[name] for name in new)
    of_old = sum(counted[name] for name in counted.keys() - new)
    if of_old > 0 and of_new > plan.newcomer_share * (of_new + of_old):
        factor = plan.newcomer_share / (1 - plan.newcomer_share) * of_old / of_new
        counted |= {name: counted[name] * factor for name in new}
    return counted


def plain_best(state: State) -> dict[LanguageCode, Best]:
    """Return language -> its newest version, where that is the best so far."""
    told: dict[LanguageCode, list[Measured]] = {}
    for client in state.clients.values():
        if client.measured and client.measured.version == state.version and takes_part(state, client.id):
            told.setdefault(client.language, []).append(client.measured)
    found = {}
    for language in told.keys() & state.prompts.keys():
        examples = sum(one.examples for one in told[language])
        accuracy = sum(one.accuracy * one.examples for one in told[language]) / examples
        known = state.best.get(language)
        if known is None or (examples >= known.examples and accuracy > known.accuracy):
            found[language] = Best(state.version, accuracy, examples)
    return found
