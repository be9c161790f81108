"""The real trainer on a tiny backbone, for a process of tests; imports torch."""

from pathlib import Path

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.tuning.backbone_trainer import BackboneTrainer
from mfpt_edge.tuning.encoding import encode
from mfpt_shared.plan import Plan
from support.backbones import tiny_spec
from support.models import FOODS, food_model


def tiny_trainer(folder: Path) -> BackboneTrainer:
    """Return a trainer on the examples about food."""
    model = food_model(load_backbone(tiny_spec(folder, "none"), "cpu"))
    return BackboneTrainer(model, encode(model, FOODS), encode(model, FOODS[::3]))


def tiny_plan(folder: Path) -> Plan:
    """Return the plan that it follows."""
    return food_model(load_backbone(tiny_spec(folder, "none"), "cpu")).plan
