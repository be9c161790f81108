"""Backbones and prompts for other programs: a folder for ONNX Runtime, an adapter for PEFT."""

from pathlib import Path

from mfpt_edge.formats.bert_shape import family_shape
from mfpt_edge.inference import graph_folder
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.adapters import USUAL_HEAD, write_adapter
from mfpt_shared.backbones.describe import describe, locate, model_config, parse_uri
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import dense


def export_onnx(plan: Plan, folder: Path, cache: Path | None) -> None:
    """Write a plan's backbone for ONNX Runtime; prompts of any version go with it.

    Args:
        plan: Backbone and prompt method.
        folder: New or empty folder, or one of an earlier export; see `graph_folder`.
        cache: Folder where weights that were converted to 4 bits are kept; None: nowhere.

    Raises:
        Incompatible: The backbone is not of the BERT family, or is not the plan's.
        UsageError: Something else is in that folder.
    """
    if plan.task.generates:
        raise Incompatible("only a backbone that labels texts is exported to ONNX, not one that writes them")
    wanted = graph_folder.wanted_by(plan)
    if graph_folder.is_bundled(plan):
        graph_folder.write_bundled(folder, wanted)
    else:
        _write_checkpoint(plan, folder, wanted)


def _write_checkpoint(plan: Plan, folder: Path, wanted: graph_folder.Wanted) -> None:
    from mfpt_edge.backbone.bert_weights import family_weights  # noqa: PLC0415 - takes torch, the bundled one does not
    from mfpt_edge.backbone.transformers_files import PretrainedTokenizer  # noqa: PLC0415 - the same
    from mfpt_edge.inference.graph_weights import RequantisedWeights  # noqa: PLC0415 - the same
    from mfpt_edge.inference.onnx_graph import build  # noqa: PLC0415 - takes onnx, an adapter does not

    facts = describe(plan.backbone.uri)
    source = locate(parse_uri(plan.backbone.uri))
    shape = family_shape(model_config(source)) if source.is_dir() else None
    if shape is None:
        raise Incompatible(f"{plan.backbone.uri} is not of the BERT family: only these are exported to ONNX")
    weights = RequantisedWeights(family_weights(source, None, quantised=plan.backbone.quantisation == "nf4"))
    tokenizer = PretrainedTokenizer(source)
    about = graph_folder.About(facts.fingerprint, wanted.layer, shape.positions, tokenizer.pad_id, words=wanted.words)
    graph = build(shape, weights, wanted.layer, words=wanted.words)
    graph_folder.write(folder, about, graph.SerializeToString(), tokenizer.save)


def export_peft(model: Model, folder: Path) -> None:
    """Write a prompt as an adapter that `peft.PeftModel.from_pretrained` loads, with its head in or beside it.

    Args:
        model: Plan and prompt.
        folder: New or empty folder, or one of an earlier export.

    Raises:
        Incompatible: The prompt is not the plan's, or it is a late one and the task is generation; or the backbone's
            model for token classification in transformers has more than a linear layer.
    """
    head_name = _head_name(model.plan) if model.plan.task.tags_words else USUAL_HEAD
    write_adapter(model.plan, dense(model.prompt.state), folder, head_name)


def _head_name(plan: Plan) -> str:
    """Return what transformers calls the linear layer of a backbone's model for token classification.

    Raises:
        Incompatible: There is no such model, or more than dropout between its states and that layer.
    """
    if graph_folder.is_bundled(plan):
        return USUAL_HEAD
    import torch  # noqa: PLC0415 - what labels words with ONNX Runtime does without
    from transformers import AutoModelForTokenClassification  # noqa: PLC0415 - takes seconds

    from mfpt_edge.backbone.transformers_files import read_config  # noqa: PLC0415 - takes seconds
    from mfpt_edge.peft_late import HEADS  # noqa: PLC0415 - takes PEFT

    config = read_config(locate(parse_uri(plan.backbone.uri)))
    try:
        with torch.device("meta"):
            model = AutoModelForTokenClassification.from_config(config)
    except ValueError as error:
        raise Incompatible(f"transformers has no model that labels words with {plan.backbone.uri}") from error
    parts = {name for name, _ in model.named_children()} - {model.base_model_prefix, "dropout"}
    if len(parts) != 1 or not parts <= set(HEADS):
        raise Incompatible(
            f"PEFT cannot label words with {plan.backbone.uri}: its model has {', '.join(sorted(parts))}"
        )
    (name,) = parts
    return str(name)
