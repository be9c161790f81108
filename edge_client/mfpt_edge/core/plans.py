"""Which plan a device follows, and which it does not."""

from dataclasses import replace
from typing import Final

from mfpt_edge.core.deadlines import waits_for_acknowledgement
from mfpt_edge.core.effects import CancelTraining, Effect, Prepare, Refuse, SendUpdates, Tell
from mfpt_edge.core.leaving import in_phase, told_to_finish
from mfpt_edge.core.state import State
from mfpt_shared.plan import Plan
from mfpt_shared.plan_changes import changes, unfollowable

_SHOWS_HEADS: Final = (
    "the plan lets heads in closed form travel in the open, which show the coordinator what sentences a device holds; "
    'its operator has to set privacy.aggregation = "masked", or training.head_start = "zero"'
)

Step = tuple[State, list[Effect]]


def follow(state: State, plan: Plan, at: float) -> Step:
    """Follow the first plan that comes, if it asks for nothing that no device does, and each that it changes into.

    The same plan may come again.
    """
    if state.plan is None and plan.shows_heads:
        return state, [Refuse(_SHOWS_HEADS)]
    if state.plan is None:
        following = replace(state, plan=plan)
        # How updates travel is in the plan: what an earlier run left in the outbox has waited for it.
        sends = [SendUpdates(state.outbox)] if waits_for_acknowledgement(following) else []
        return following, [Prepare(plan), *sends]
    if state.plan.digest == plan.digest:
        return state, []
    return _changed(state, state.plan, plan, at)


def _changed(state: State, old: Plan, new: Plan, at: float) -> Step:
    """Follow another plan from here on, unless this would be another task.

    What the device has sent, or has ready to be sent, counts as before; only a round under way is given up.
    """
    if fixed := unfollowable(old, new):
        keys = ", ".join(one.key for one in fixed)
        changed = f"the federation changed its plan from {old.digest} to {new.digest}"
        return state, [Refuse(f"{changed}, with another {keys}; start this device again")]
    if state.is_done:
        # It has nothing more to train, and prompts of the new plan are no use to what it has loaded.
        return told_to_finish(state, state.version or 0, at)
    told = "; ".join(str(one) for one in changes(old, new) if not one.key.startswith("aggregation."))
    cancels: list[Effect] = [CancelTraining()] if state.phase == "training" else []
    # A prompt says under which plan it was made: the newest comes again, under the new one.
    following = replace(state, plan=new, prepared=False, announced=False, assigned=None, version=None, epoch=0)
    preparing, effects = in_phase(following, "preparing")
    return preparing, [*cancels, Tell(f"the plan has changed ({told}); this device follows"), *effects, Prepare(new)]
