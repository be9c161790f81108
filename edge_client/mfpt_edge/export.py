"""Backbones and prompts for others: a folder for ONNX Runtime, an adapter for PEFT."""

from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import save_file

from mfpt_edge import graphfolder
from mfpt_edge.held import Model
from mfpt_shared import backbones
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import check_layout, dense, layout, virtual_tokens

_HEAD: Final = "head.safetensors"
_README: Final = """\
# A prompt of mfpt

    from peft import PeftModel
    from safetensors.torch import load_file
    from torch.nn import functional
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(BACKBONE), FOLDER)
    head = load_file("FOLDER/head.safetensors")
    batch = tokenizer(["{prefix}" + text], return_tensors="pt")
    states = model(**batch).last_hidden_state[:, {tokens}:]
    weights = batch["attention_mask"][..., None]
    pooled = {norm:g} * functional.normalize((states * weights).sum(1) / weights.sum(1), dim=-1)
    logits = functional.linear(pooled, head["weight"], head["bias"])

Labels, in the order of the logits: {labels}. The backbone's fingerprint is {fingerprint}.
"""


def export_onnx(plan: Plan, folder: Path, cache: Path | None) -> None:
    """Write a plan's backbone for ONNX Runtime; prompts of any version go with it.

    Args:
        plan: names backbone and prompt method.
        folder: see `graphfolder`.
        cache: folder where weights that were converted to 4 bits are kept; None: nowhere.

    Raises:
        Incompatible: the backbone is not of the BERT family, or not the plan's.
        UsageError: something else is in that folder.
    """
    if plan.task.kind == "generation":
        raise Incompatible("only what labels texts is exported to ONNX, not what writes them")
    layer = graphfolder.entry_layer(plan)
    if graphfolder.is_bundled(plan):
        graphfolder.write_bundled(folder, layer)
        return
    from mfpt_edge.bert import GraphWeights, family_weights  # noqa: PLC0415 - these take torch
    from mfpt_edge.onnxgraph import build  # noqa: PLC0415
    from mfpt_edge.pretrained import PretrainedTokenizer  # noqa: PLC0415
    from mfpt_edge.shape import family_shape  # noqa: PLC0415

    facts = backbones.describe(plan.backbone.uri)
    source = backbones.locate(backbones.parse_uri(plan.backbone.uri))
    shape = family_shape(backbones.config(source)) if source.is_dir() else None
    if shape is None:
        raise Incompatible(f"{plan.backbone.uri} is not of the BERT family: only these are exported to ONNX")
    weights = GraphWeights(family_weights(source, None, quantised=plan.backbone.quantisation == "nf4"))
    tokenizer = PretrainedTokenizer(source)
    about = graphfolder.About(facts.fingerprint, layer, shape.positions, tokenizer.pad_id)
    graphfolder.write(folder, about, build(shape, weights, layer).SerializeToString(), tokenizer.save)


def export_peft(model: Model, folder: Path) -> None:
    """Write a prompt as an adapter that `peft.PeftModel.from_pretrained` loads, with its head beside it.

    Args:
        model: plan and prompt.
        folder: new or empty, or of an earlier export.

    Raises:
        Incompatible: PEFT knows no such prompt method.
    """
    plan, state = model.plan, dense(model.prompt.state)
    check_layout(state, layout(plan))
    if plan.prompt.method == "late":
        raise Incompatible(
            "PEFT has no prompt that enters half-way up, as method 'late' has it: only 'prompt' and 'p-tuning' are "
            "exported to PEFT"
        )
    from peft import PromptEncoderConfig, PromptTuningConfig, TaskType  # noqa: PLC0415 - takes seconds

    from mfpt_edge.shape import POOLED_NORM  # noqa: PLC0415

    known = {
        "task_type": TaskType.FEATURE_EXTRACTION,
        "num_virtual_tokens": plan.prompt.tokens,
        "token_dim": plan.backbone.width,
        "num_transformer_submodules": 1,
        "num_layers": plan.backbone.layers,
        "num_attention_heads": 1,
        "inference_mode": True,
        "base_model_name_or_path": plan.backbone.uri.partition(":")[2],
    }
    p_tuning = plan.prompt.method == "p-tuning"
    config = (
        PromptEncoderConfig(encoder_hidden_size=plan.prompt.encoder_width, **known)
        if p_tuning
        else PromptTuningConfig(**known)
    )
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(str(folder))
    # PEFT, too, keeps of p-tuning only what comes out of the encoder.
    save_file({"prompt_embeddings": np.ascontiguousarray(virtual_tokens(state))}, folder / "adapter_model.safetensors")
    save_file({"weight": state["head.weight"], "bias": state["head.bias"]}, folder / _HEAD)
    text = _README.format(
        prefix=plan.backbone.prefix,
        tokens=plan.prompt.tokens,
        norm=POOLED_NORM,
        labels=", ".join(plan.task.labels),
        fingerprint=plan.backbone.fingerprint,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
