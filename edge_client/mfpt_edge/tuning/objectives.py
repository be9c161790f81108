"""The objective of a plan, and the backbone that it needs: the one place in tuning that asks for the kind of task."""

from pathlib import Path

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.tuning.completion_objective import CompletionObjective
from mfpt_edge.tuning.label_objective import LabelObjective
from mfpt_edge.tuning.objective import Objective
from mfpt_edge.tuning.tag_objective import TagObjective
from mfpt_shared.plan import Plan


def objective_for(plan: Plan, backbone: Backbone) -> Objective:
    """Return the objective of a plan.

    Raises:
        Incompatible: The task is generation, and the backbone cannot write.
    """
    if plan.task.generates:
        return CompletionObjective(plan, backbone)
    return TagObjective(plan, backbone) if plan.task.tags_words else LabelObjective(plan, backbone)


def backbone_for(plan: Plan, device: str, cache: Path | None) -> Backbone:
    """Load the backbone of a plan, with what its objective needs; see `load_backbone` for arguments and errors."""
    return load_backbone(plan.backbone, device, cache, generates=plan.task.generates)
