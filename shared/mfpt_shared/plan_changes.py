"""What changes from one plan to another, and which changes devices can follow while a federation runs.

How a device trains may change under way: prompts and heads keep their shape and their meaning. What they are for (task,
backbone, prompt) may not, nor what protects updates: what a device has spent, or sent under masks, was for that plan.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from mfpt_shared.plan import Plan, binding_part

_CHANGEABLE: Final = frozenset({"training", "aggregation", "privacy.clip_norm", "privacy.min_examples"})
# A first head in closed form is not a step like others; and distances are looked up once for each pair of languages.
_FIXED: Final = frozenset({"training.head_start", "aggregation.metrics"})


class Change(NamedTuple):
    """One key of a plan.

    Attributes:
        key: Section and key, as in `training.batch_size`.
        before: Its value in the old plan, as JSON holds it.
        after: Its value in the new plan.
    """

    key: str
    before: object
    after: object

    def __str__(self) -> str:
        return f"{self.key}: {_shown(self.before)} -> {_shown(self.after)}"


def changes(old: Plan, new: Plan) -> list[Change]:
    """Return all keys in which two plans differ, in the order of the plan file."""
    return [
        Change(key, before, after)
        for (key, before), (_, after) in zip(_values(old), _values(new), strict=True)
        if before != after
    ]


def unfollowable(old: Plan, new: Plan) -> list[Change]:
    """Return the changes that make another federation; none: devices of the old plan can follow the new one."""
    return [one for one in changes(old, new) if not may_change(old, one.key)]


def may_change(plan: Plan, key: str) -> bool:
    """Tell whether devices can follow a change of a key, such as `training.batch_size`, while a federation runs."""
    guarded = plan.privacy.is_masked or plan.privacy.noise != "none"
    section = key.partition(".")[0]
    if key in _FIXED or (guarded and section != "aggregation"):
        return False
    return section in _CHANGEABLE or key in _CHANGEABLE


def changes_devices(old: Plan, new: Plan) -> bool:
    """Tell whether devices do anything else under the new plan; if not, the change is the coordinator's affair."""
    return binding_part(old) != binding_part(new)


def _values(plan: Plan) -> Sequence[tuple[str, object]]:
    """Return every key with its value; the name of the federation is a key without a section."""
    found: list[tuple[str, object]] = []
    for section in Plan.__struct_fields__:
        value: Any = msgspec.to_builtins(getattr(plan, section))
        if isinstance(value, dict):
            found += [(f"{section}.{key}", one) for key, one in value.items()]
        else:
            found.append((section, value))
    return found


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()
