"""Which plan a device follows, and which it does not."""

from dataclasses import replace
from typing import Final

from mfpt_edge.core.deadlines import waits_for_acknowledgement
from mfpt_edge.core.effects import Effect, Prepare, Refuse, SendUpdates
from mfpt_edge.core.state import State
from mfpt_shared.plan import Plan

_SHOWS_HEADS: Final = (
    "the plan lets heads in closed form travel in the open, which show the coordinator what sentences a device holds; "
    'its operator has to set privacy.aggregation = "masked", or training.head_start = "zero"'
)

Step = tuple[State, list[Effect]]


def follow(state: State, plan: Plan) -> Step:
    """Follow the first plan that comes, if it asks for nothing that no device does; the same plan may come again."""
    if state.plan is None and plan.shows_heads:
        return state, [Refuse(_SHOWS_HEADS)]
    if state.plan is None:
        following = replace(state, plan=plan)
        # How updates travel is in the plan: what an earlier run left in the outbox has waited for it.
        sends = [SendUpdates(state.outbox)] if waits_for_acknowledgement(following) else []
        return following, [Prepare(plan), *sends]
    if state.plan.digest != plan.digest:
        changed = f"the federation changed its plan from {state.plan.digest} to {plan.digest}; start this device again"
        return state, [Refuse(changed)]
    return state, []
