"""Backbones and prompts for others: a folder for ONNX Runtime, an adapter for PEFT."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors.numpy import save_file

from mfpt_edge.inference import graph_folder
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.backbones.describe import describe, locate, model_config, parse_uri
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
{imports}
    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(BACKBONE), FOLDER)
    head = load_file("FOLDER/head.safetensors")
    batch = tokenizer(["{prefix}" + text]{second}, return_tensors="pt")
    states = model(**batch).last_hidden_state[:, {tokens}:]
    weights = batch["attention_mask"][..., None]
    pooled = {norm:g} * functional.normalize((states * weights).sum(1) / weights.sum(1), dim=-1)
    logits = functional.linear(pooled, head["weight"], head["bias"])

Labels, in the order of the logits: {labels}. The backbone's fingerprint is {fingerprint}.
"""
_LATE_IMPORT: Final = """\

    import mfpt_edge.peft_late  # of mfpt[edge]; makes late prompts known to PEFT, which looks for no methods elsewhere
"""
_WRITING_README: Final = """\
# A prompt of mfpt

    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BACKBONE), FOLDER)
    batch = tokenizer("{prefix}" + text + "\\n", return_tensors="pt")
    completion = tokenizer.decode(model.generate(**batch, do_sample=False)[0], skip_special_tokens=True)

A GGUF file is loaded from its folder, with `gguf_file="NAME.gguf"` behind it.
The backbone's fingerprint is {fingerprint}.
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
    if plan.task.generates:
        raise Incompatible("only what labels texts is exported to ONNX, not what writes them")
    layer = graph_folder.entry_layer(plan)
    if graph_folder.is_bundled(plan):
        graph_folder.write_bundled(folder, layer)
        return
    from mfpt_edge.backbone.bert_weights import family_weights  # noqa: PLC0415 - these take torch
    from mfpt_edge.backbone.transformers_files import PretrainedTokenizer  # noqa: PLC0415
    from mfpt_edge.formats.bert_shape import family_shape  # noqa: PLC0415
    from mfpt_edge.inference.graph_weights import RequantisedWeights  # noqa: PLC0415
    from mfpt_edge.inference.onnx_graph import build  # noqa: PLC0415

    facts = describe(plan.backbone.uri)
    source = locate(parse_uri(plan.backbone.uri))
    shape = family_shape(model_config(source)) if source.is_dir() else None
    if shape is None:
        raise Incompatible(f"{plan.backbone.uri} is not of the BERT family: only these are exported to ONNX")
    weights = RequantisedWeights(family_weights(source, None, quantised=plan.backbone.quantisation == "nf4"))
    tokenizer = PretrainedTokenizer(source)
    about = graph_folder.About(facts.fingerprint, layer, shape.positions, tokenizer.pad_id)
    graph_folder.write(folder, about, build(shape, weights, layer).SerializeToString(), tokenizer.save)


def export_peft(model: Model, folder: Path) -> None:
    """Write a prompt as an adapter that `peft.PeftModel.from_pretrained` loads, with its head beside it.

    Args:
        model: plan and prompt.
        folder: new or empty, or of an earlier export.

    Raises:
        Incompatible: the prompt is not one of the plan, or it is a late one of a task that generates.
    """
    plan, state = model.plan, dense(model.prompt.state)
    check_layout(state, layout(plan))
    config, name = _peft_config(plan)
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(str(folder))
    # PEFT, too, keeps of p-tuning only what comes out of the encoder.
    save_file({name: np.ascontiguousarray(virtual_tokens(state))}, folder / "adapter_model.safetensors")
    if plan.task.labels:
        save_file({"weight": state["head.weight"], "bias": state["head.bias"]}, folder / _HEAD)
    (folder / "README.md").write_text(_peft_readme(plan), encoding="utf-8")


def _peft_config(plan: Plan) -> tuple[Any, str]:
    """Return what PEFT has to know of a plan's prompt, and its name for the virtual tokens."""
    from peft import PromptEncoderConfig, PromptTuningConfig, TaskType  # noqa: PLC0415 - takes seconds

    prompt, backbone, writes = plan.prompt, plan.backbone, plan.task.generates
    if writes and prompt.method == "late":
        raise Incompatible("PEFT cannot write with a prompt that enters half-way up, as method 'late' has it")
    known = {
        "task_type": TaskType.CAUSAL_LM if writes else TaskType.FEATURE_EXTRACTION,
        "num_virtual_tokens": prompt.tokens,
        "inference_mode": True,
        "base_model_name_or_path": backbone.uri.partition(":")[2],
    }
    if prompt.method == "late":
        from mfpt_edge.peft_late import STATE_KEY, LateConfig  # noqa: PLC0415

        return LateConfig(layer=plan.late_layer, **known), STATE_KEY
    shape = {
        "token_dim": backbone.width,
        "num_transformer_submodules": 1,
        "num_layers": backbone.layers,
        "num_attention_heads": 1,
    }
    if prompt.method == "p-tuning":
        return PromptEncoderConfig(encoder_hidden_size=prompt.encoder_width, **known, **shape), "prompt_embeddings"
    return PromptTuningConfig(**known, **shape), "prompt_embeddings"


def _peft_readme(plan: Plan) -> str:
    from mfpt_edge.formats.conventions import POOLED_NORM  # noqa: PLC0415

    if plan.task.generates:
        return _WRITING_README.format(prefix=plan.backbone.prefix, fingerprint=plan.backbone.fingerprint)
    return _README.format(
        imports=_LATE_IMPORT if plan.prompt.method == "late" else "",
        prefix=plan.backbone.prefix,
        second=", [pair]" if plan.task.kind == "pairs" else "",
        tokens=plan.prompt.tokens,
        norm=POOLED_NORM,
        labels=", ".join(plan.task.labels),
        fingerprint=plan.backbone.fingerprint,
    )
