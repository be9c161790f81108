"""The objective of a plan: picked by the kind of task, and refused to a backbone that cannot do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.completion_objective import CompletionObjective
from mfpt_edge.tuning.label_objective import LabelObjective
from mfpt_edge.tuning.objectives import backbone_for, objective_for
from mfpt_shared import plan
from mfpt_shared.errors import Incompatible
from support.backbones import save_tiny_model, tiny_spec


@pytest.fixture(scope="module")
def decoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decoder")
    save_tiny_model("Llama", folder, kind="ForCausalLM")
    return folder


def plan_for(kind: Any, folder: Path) -> plan.Plan:
    labels = () if kind == "generation" else ("praise", "complaint")
    return plan.Plan(task=plan.Task(labels=labels, kind=kind), backbone=tiny_spec(folder))


@pytest.mark.parametrize("kind", ["classification", "pairs"])
def test_a_task_with_labels_has_a_head_that_is_tuned(kind: str, tiny_folder: Callable[[str], Path]) -> None:
    the_plan = plan_for(kind, tiny_folder("Bert"))
    objective = objective_for(the_plan, backbone_for(the_plan, "cpu", None))
    assert isinstance(objective, LabelObjective)
    assert objective.tensors().keys() == {"head.weight", "head.bias"}


def test_a_task_that_generates_tunes_nothing_beside_the_prompt(decoder_folder: Path) -> None:
    the_plan = plan_for("generation", decoder_folder)
    objective = objective_for(the_plan, backbone_for(the_plan, "cpu", None))
    assert isinstance(objective, CompletionObjective)
    assert not objective.tensors()


def test_a_backbone_that_was_not_loaded_to_write_gets_no_completions(decoder_folder: Path) -> None:
    the_plan = plan_for("generation", decoder_folder)
    with pytest.raises(Incompatible, match="cannot write text"):
        objective_for(the_plan, load_backbone(the_plan.backbone, "cpu"))


def test_a_target_is_the_index_of_the_label_or_where_the_completion_begins(
    tiny_backbone: Callable[..., Backbone], tiny_folder: Callable[[str], Path], decoder_folder: Path
) -> None:
    example = Example("the food was good", 1, completion="great")
    labels = objective_for(plan_for("classification", tiny_folder("Bert")), tiny_backbone())
    assert labels.tokenise([example]).targets.tolist() == [1]
    the_plan = plan_for("generation", decoder_folder)
    completions = objective_for(the_plan, backbone_for(the_plan, "cpu", None))
    (ids,), (start,) = completions.tokenise([example])
    assert completions.tokenise([Example(example.text)]).ids == [ids[:start]]
