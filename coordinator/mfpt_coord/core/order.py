"""In which order the effects of a batch of events are carried out. The order on the wire is decided here alone.

1. Durable effects, in one transaction: nothing is said that a crash could take back.
2. Answers to updates and offers: a device learns that its update is accepted before it sees a version that may hold it.
3. The plan, if it has changed: a prompt says under which plan it was made, and counts under no other.
4. Prompts, once for each language: a batch may make several versions, of which only the newest is published, and a
   device that is assigned to it finds it already there.
5. The rest: the new version is announced, devices are assigned or stopped, distances looked up, lines logged.
6. From whom languages learn, once for each language: nothing waits for it.

Within each of these, effects keep the order in which the core asked for them.
"""

from collections.abc import Sequence

from mfpt_coord.core.effects import Action, Durable, Effect, PublishPlan, PublishPrompt, PublishRelations, Send
from mfpt_shared.protocol.messages import Ack, Disband, Reject, Resync


def durable_effects(effects: Sequence[Effect]) -> list[Durable]:
    """Return what is to be committed first, in order."""
    return [effect for effect in effects if isinstance(effect, Durable)]


def actions(effects: Sequence[Effect]) -> list[Action]:
    """Return what is to be done once the durable effects are committed, in order."""
    wanted = [effect for effect in effects if not isinstance(effect, Durable)]
    answers = [action for action in wanted if _is_answer(action)]
    plans = dict.fromkeys(action for action in wanted if isinstance(action, PublishPlan))
    prompts = dict.fromkeys(action for action in wanted if isinstance(action, PublishPrompt))
    relations = dict.fromkeys(action for action in wanted if isinstance(action, PublishRelations))
    kept = PublishPlan | PublishPrompt | PublishRelations
    rest = [action for action in wanted if not (_is_answer(action) or isinstance(action, kept))]
    return [*answers, *plans, *prompts, *rest, *relations]


def _is_answer(action: Action) -> bool:
    return isinstance(action, Send) and isinstance(action.message, Ack | Reject | Resync | Disband)
