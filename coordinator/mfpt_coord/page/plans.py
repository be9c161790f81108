"""The plan as the page shows it: every key with its value, what it means, and whether it may change under way."""

from typing import Any

import msgspec

from mfpt_shared.plan import Plan, Section
from mfpt_shared.plan_changes import may_change
from mfpt_shared.plan_files import description_of, fields_of


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the plan.

    Attributes:
        usual: Whether its value is the default.
        may_change: Whether devices can follow a change of it.
    """

    key: str
    value: Any
    meaning: str
    usual: bool
    may_change: bool


class SectionOfPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One section of the plan."""

    name: str
    meaning: str
    keys: list[Key]


class PlanShown(msgspec.Struct, frozen=True, kw_only=True):
    """The plan, its digest, and the file that it would be."""

    digest: str
    federation: str
    sections: list[SectionOfPlan]


def plan_shown(plan: Plan) -> PlanShown:
    """Return a plan with its meaning."""
    values = {field.name: getattr(plan, field.name) for field in fields_of(Plan)}
    sections = [_section(plan, name, value) for name, value in values.items() if isinstance(value, Section)]
    return PlanShown(digest=plan.digest, federation=plan.federation, sections=sections)


def _section(plan: Plan, name: str, section: Section) -> SectionOfPlan:
    keys = [
        Key(
            key=f"{name}.{field.name}",
            value=msgspec.to_builtins(getattr(section, field.name)),
            meaning=description_of(field),
            usual=field.default is not msgspec.NODEFAULT and getattr(section, field.name) == field.default,
            may_change=may_change(plan, f"{name}.{field.name}"),
        )
        for field in fields_of(type(section))
    ]
    return SectionOfPlan(name=name, meaning=(type(section).__doc__ or "").splitlines()[0], keys=keys)
