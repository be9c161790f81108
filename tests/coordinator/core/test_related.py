"""From whom languages learn, as their devices are told it."""

import numpy as np
import pytest

from mfpt_coord.core.effects import PublishRelations, PublishState
from mfpt_coord.core.events import RolledBack
from mfpt_coord.core.order import actions
from mfpt_coord.core.related import relations_of
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Metrics
from mfpt_shared.protocol.status import MOST_HELPING
from support.coordinator_core import SWAHILI, ZULU, Federation
from support.masked_core import MaskedFederation, masked_plan

LONGEST = 700
"""Bytes, as docs/protocol.md says."""


def of_two_languages() -> Federation:
    federation = Federation(buffer=2)
    federation.ready("a")
    federation.ready("b", ZULU)
    return federation


def told_of(federation: Federation) -> list[LanguageCode]:
    return [effect.language for effect in federation.only(PublishRelations)]


def test_a_version_tells_every_language_from_whom_it_learns() -> None:
    federation = of_two_languages()
    federation.update("a", metrics=Metrics(accuracy=0.75, own_share=0.25, validated=12))
    assert told_of(federation) == []
    federation.update("b", language=ZULU)

    assert sorted(told_of(federation)) == [SWAHILI, ZULU]
    swahili = relations_of(federation.state, SWAHILI)
    assert (swahili.language, swahili.version, swahili.accuracy) == (SWAHILI, 1, 0.75)
    assert set(swahili.helped_by) == {SWAHILI, ZULU}
    assert sum(swahili.helped_by.values()) == pytest.approx(1.0, abs=0.001)


def test_nothing_is_told_of_the_prompt_of_languages_that_nobody_speaks() -> None:
    federation = of_two_languages()
    federation.update("a")
    federation.update("b", language=ZULU)

    assert UNDETERMINED in federation.state.standings
    assert UNDETERMINED not in told_of(federation)


def test_a_language_of_which_nothing_has_changed_is_not_told_again() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a")
    assert told_of(federation) == [SWAHILI]
    federation.update("a", 2)

    assert federation.state.version == 2
    assert told_of(federation) == []


def test_it_is_told_after_the_version_is_announced_and_once_a_batch() -> None:
    federation = of_two_languages()
    federation.update("a")
    federation.update("b", language=ZULU)

    done = actions([*federation.effects, PublishRelations(SWAHILI)])
    assert done.count(PublishRelations(SWAHILI)) == 1
    assert done.index(PublishRelations(SWAHILI)) > done.index(PublishState())


def test_where_the_operator_goes_back_nobody_has_helped() -> None:
    federation = of_two_languages()
    federation.update("a")
    federation.update("b", language=ZULU)
    federation.feed(RolledBack(federation.now, {SWAHILI: (0, np.zeros(8, np.float32))}))

    assert SWAHILI in told_of(federation)
    assert relations_of(federation.state, SWAHILI).helped_by == {}


def test_under_masks_the_languages_of_a_group_have_equal_parts() -> None:
    federation = MaskedFederation(masked_plan())
    for name, language in (("a", SWAHILI), ("b", ZULU), ("c", LanguageCode("xho"))):
        federation.offers(name, language)
    federation.settles()

    helped_by = relations_of(federation.state, SWAHILI).helped_by
    assert set(helped_by) == {SWAHILI, ZULU, "xho"}
    assert set(helped_by.values()) == {0.333}


def test_what_is_told_stays_short_however_many_languages_there_are() -> None:
    languages = [LanguageCode(f"q{first}{second}") for first in "abcdef" for second in "abcdef"]
    federation = Federation(buffer=len(languages), proximity="uniform")
    for language in languages:
        federation.ready(language, language)
    for language in languages:
        federation.update(language, language=language, metrics=Metrics(accuracy=1 / 3, own_share=2 / 3, validated=12))

    said = relations_of(federation.state, languages[0])
    assert len(said.helped_by) == MOST_HELPING
    assert len(encode(said)) < LONGEST - 200  # the signature, and an epoch and a time with many digits
