"""The operator changes the plan while the federation runs: devices follow, and what is under way still counts."""

from dataclasses import replace
from typing import Final

from mfpt_coord.core.audit import Deed, shortened
from mfpt_coord.core.effects import (
    Effect,
    Log,
    LookUpDistances,
    PublishPlan,
    PublishPrompt,
    PublishState,
    SaveDeed,
    SavePlan,
    Step,
)
from mfpt_coord.core.events import PlanApplied
from mfpt_coord.core.optimiser import moment_count
from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.core.state import State
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.plan import Plan
from mfpt_shared.plan_changes import changes, changes_devices

# An update that waited on a device for longer than so many changes is likely too stale anyway.
_REMEMBERED: Final = 8


def apply_plan(state: State, event: PlanApplied) -> Step:
    """Return the state under another plan, one that devices of the old plan can follow.

    If devices are to do anything else, they hear of it, load what they need and announce themselves again. Updates made
    under the plan before have the same shape and count as before.
    """
    old, new = state.plan, event.plan
    differences = changes(old, new)
    if not differences:
        return state, []
    keeps_moments = _memory(state.plan) == _memory(new)
    following = replace(state, plan=new, moments=state.moments if keeps_moments else {})
    words = "; ".join(map(str, differences))
    noted = SaveDeed(Deed(event.at, event.by, "plan", new.digest, shortened(words)))
    last: list[Effect] = [*_look_ups(state, new), Log(f"the plan has changed: {words}")]
    if not changes_devices(old, new):
        return following, [SavePlan(new, state.former, keeps_moments), noted, *last]
    known = (one for one in state.former if one not in (old.digest, new.digest))
    following = replace(_waiting(following), former=(*known, old.digest)[-_REMEMBERED:])
    prompts: list[Effect] = [PublishPrompt(language) for language in following.prompts]
    saved = SavePlan(new, following.former, keeps_moments)
    return following, [saved, noted, PublishPlan(), *prompts, PublishState(), *last]


def _memory(plan: Plan) -> tuple[str, int]:
    return plan.aggregation.optimiser, moment_count(plan.aggregation)


def _look_ups(state: State, new: Plan) -> list[Effect]:
    """Return the search for distances that nobody needed before."""
    languages = frozenset([*state.prompts, *state.joining]) - {UNDETERMINED}
    begins = needs_distances(new.aggregation) and not needs_distances(state.plan.aggregation)
    return [LookUpDistances(languages)] if begins and len(languages) > 1 else []


def _waiting(state: State) -> State:
    """Return a state in which every device has to announce itself again before it is assigned."""
    clients = [
        replace(client, ready=False, assignment=None)
        for client in state.clients.values()
        if client.ready or client.assignment is not None
    ]
    return replace(state, clients=state.clients.plus(*clients))
