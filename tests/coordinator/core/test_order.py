"""The order in which the coordinator's effects are carried out."""

from mfpt_coord.core.effects import Action, Effect, Log, LookUpDistances, PublishPrompt, PublishState, SaveCounts, Send
from mfpt_coord.core.order import actions, durable_effects
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Ack, Assign, Reject, Resync, Stop, UpdateCounts

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")
ANSWERS = [
    Send("a", Ack(sequence=1)),
    Send("b", Reject(sequence=1, reason="diverged", detail="")),
    Send("c", Resync(sequence=1, version=2)),
]
REST: list[Action] = [
    PublishState(),
    Log("a version"),
    Send("a", Assign(version=2, deadline=1.0)),
    LookUpDistances(frozenset([SWAHILI, ZULU])),
    Send("b", Stop(reason="finished", version=2)),
]


def test_answers_come_before_prompts_and_prompts_before_the_rest() -> None:
    assert actions([*REST, PublishPrompt(SWAHILI), *ANSWERS]) == [*ANSWERS, PublishPrompt(SWAHILI), *REST]


def test_a_language_s_prompt_is_published_once_however_many_versions_a_batch_makes() -> None:
    published = [PublishPrompt(SWAHILI), PublishPrompt(ZULU)]
    assert actions([*published, *REST, *reversed(published)]) == [*published, *REST]


def test_each_of_two_equal_answers_is_sent() -> None:
    """A device that sent its update twice gets two acknowledgements."""
    assert actions([ANSWERS[0], ANSWERS[0]]) == [ANSWERS[0], ANSWERS[0]]


def test_durable_effects_are_kept_apart_from_actions_and_in_order() -> None:
    counts = [SaveCounts(UpdateCounts(rejected=number)) for number in (1, 2)]
    effects: list[Effect] = [counts[0], *ANSWERS, counts[1], *REST]
    assert durable_effects(effects) == counts
    assert actions(effects) == [*ANSWERS, *REST]
