"""How a new language gets its first prompt."""

import numpy as np
import pytest

from mfpt_coord.core.effects import LookUpDistances, PublishPrompt, SaveDistances, SaveFold, SavePrompt
from mfpt_coord.core.events import DistancesFound
from mfpt_coord.core.relations import pair
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.protocol.messages import Assign, Stop
from support.coordinator_core import ENGLISH, SWAHILI, ZULU, Federation


def with_two_versions() -> Federation:
    """Two versions: one from Swahili, one from English, which is far from it."""
    federation = Federation(buffer=1, proximity="fixed", temperature=0.4)
    federation.ready("a", SWAHILI)
    federation.ready("e", ENGLISH)
    federation.finds({SWAHILI, ENGLISH}, eng=0.9)
    federation.update("a", 1, SWAHILI, delta=1.0)
    federation.update("e", 1, ENGLISH, delta=-1.0)
    return federation


def test_a_late_joiner_waits_for_its_distances() -> None:
    federation = with_two_versions()
    federation.ready("z", ZULU)
    assert federation.told("z") == []
    assert [effect.languages for effect in federation.only(LookUpDistances)] == [frozenset([SWAHILI, ENGLISH, ZULU])]
    assert ZULU not in federation.state.prompts
    federation.finds({SWAHILI, ENGLISH, ZULU}, zul=0.1)
    assert federation.told("z") == [Assign(version=2, deadline=600.0)]
    assert [effect.language for effect in federation.only(PublishPrompt)] == [ZULU]
    assert [(effect.language, effect.version) for effect in federation.only(SavePrompt)] == [(ZULU, 2)]


def test_a_late_joiner_starts_near_the_languages_that_are_near() -> None:
    federation = with_two_versions()
    federation.ready("z", ZULU)
    found = {pair(SWAHILI, ZULU): {"genetic": 0.1}, pair(ENGLISH, ZULU): {"genetic": 0.9}}
    federation.feed(DistancesFound(federation.now, {SWAHILI, ENGLISH, ZULU}, found))
    prompts = federation.state.prompts
    near, far = np.exp(-0.1 / 0.4), np.exp(-0.9 / 0.4)
    expected = (near * prompts[SWAHILI] + far * prompts[ENGLISH]) / (near + far)
    assert prompts[ZULU] == pytest.approx(expected, rel=1e-5)


def test_a_late_joiner_whose_distances_nobody_knows_still_joins() -> None:
    federation = with_two_versions()
    federation.ready("z", ZULU)
    federation.finds({SWAHILI, ENGLISH, ZULU})
    assert federation.told("z") == [Assign(version=2, deadline=600.0)]
    prompts = federation.state.prompts
    assert prompts[ZULU] == pytest.approx((prompts[SWAHILI] + prompts[ENGLISH]) / 2, rel=1e-5)


def test_a_second_late_joiner_of_the_language_starts_no_second_look_up() -> None:
    federation = with_two_versions()
    federation.ready("z", ZULU)
    federation.ready("y", ZULU)
    assert federation.only(LookUpDistances) == []
    federation.finds({SWAHILI, ENGLISH, ZULU}, zul=0.1)
    assert len(federation.told("y")) == len(federation.told("z")) == 1


def test_with_uniform_proximity_nobody_waits_for_distances() -> None:
    federation = Federation(buffer=1, proximity="uniform")
    federation.ready("a")
    federation.update("a")
    federation.ready("z", ZULU)
    assert federation.only(LookUpDistances) == []
    assert federation.told("z") == [Assign(version=1, deadline=600.0)]
    assert np.array_equal(federation.state.prompts[ZULU], federation.state.prompts[SWAHILI])


def test_before_the_first_version_nobody_waits_for_distances() -> None:
    federation = Federation()
    federation.ready("a")
    federation.ready("z", ZULU)
    assert federation.told("z") == [Assign(version=0, deadline=600.0)]
    assert [effect.languages for effect in federation.only(LookUpDistances)] == [frozenset([SWAHILI, ZULU])]


def test_distances_that_were_found_are_kept_and_used() -> None:
    federation = Federation(buffer=1, proximity="fixed", temperature=0.4)
    federation.ready("a")
    federation.ready("e", ENGLISH)
    federation.finds({SWAHILI, ENGLISH}, eng=0.9)
    assert [effect.distances for effect in federation.only(SaveDistances)] == [
        {pair(SWAHILI, ENGLISH): {"genetic": 0.9}}
    ]
    before = federation.state.prompts[ENGLISH]
    federation.update("a", delta=1.0)
    (fold,) = federation.only(SaveFold)
    moved = {language: float((prompt - before)[0]) for language, prompt in fold.prompts.items()}
    assert moved[ENGLISH] < moved[UNDETERMINED] <= moved[SWAHILI]


def test_a_language_that_no_device_speaks_gets_a_prompt_if_the_plan_names_it() -> None:
    federation = Federation(buffer=1, proximity="uniform", zero_shot=("zul",))
    federation.ready("a")
    assert ZULU in {effect.language for effect in federation.only(SavePrompt)}
    federation.update("a")
    (fold,) = federation.only(SaveFold)
    assert set(fold.prompts) == {SWAHILI, ZULU, UNDETERMINED}
    assert np.array_equal(fold.prompts[ZULU], fold.prompts[SWAHILI])


def test_a_device_that_comes_after_the_end_takes_a_prompt_along() -> None:
    federation = Federation(last_version=1, buffer=1, proximity="uniform")
    federation.ready("a")
    federation.update("a")
    federation.ready("b", ZULU)
    assert federation.told("b") == [Stop(reason="finished", version=1)]
    assert [effect.language for effect in federation.only(PublishPrompt)] == [ZULU]
