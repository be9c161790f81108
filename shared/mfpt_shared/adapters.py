"""Prompts as adapters that PEFT loads: a file of tensors, one of settings, and what is needed beside them.

Neither torch nor PEFT is needed to write them.

Source: PEFT's `PeftConfig.save_pretrained` and `PeftModel.load_adapter`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from safetensors.numpy import save_file

from mfpt_shared.atomic import naming
from mfpt_shared.errors import Incompatible
from mfpt_shared.head_scales import POOLED_NORM, WORD_SCALE
from mfpt_shared.plan import Plan
from mfpt_shared.system.names import check_name
from mfpt_shared.tensors import Array, PromptState, check_layout, layout, virtual_tokens

LATE_METHOD: Final = "late_prompt"
"""What PEFT calls late prompts, once mfpt has made them known to it."""
LATE_STATE: Final = f"base_model.model.virtual.{LATE_METHOD}_tokens"
"""Name of the virtual tokens of one in the adapter's file."""
USUAL_HEAD: Final = "classifier"
"""What transformers calls the last layer of a BERT that labels words."""

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

    import mfpt_edge.peft_late  # part of mfpt[edge]: makes late prompts known to PEFT
"""
_TAGGING_README: Final = """\
# A prompt of mfpt

    from peft import PeftModel
    from transformers import AutoModelForTokenClassification, AutoTokenizer
{imports}
    labels = {labels}
    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    backbone = AutoModelForTokenClassification.from_pretrained(BACKBONE, num_labels=len(labels))
    model = PeftModel.from_pretrained(backbone, FOLDER).eval()
    batch = tokenizer("{prefix}" + " ".join(words), return_tensors="pt", return_offsets_mapping=True)
    ends = batch.pop("offset_mapping")[0, :, 1].tolist()
    logits = model(**batch).logits[0, {tokens}:]
    token, begin, found = 0, {prefix_length}, []
    for word in words:  # the first token of a word carries its label
        while ends[token] <= begin and token + 1 < len(ends):
            token += 1
        found.append(labels[logits[token].argmax()])
        begin += len(word) + 1

The backbone's fingerprint is {fingerprint}.
"""
_WRITING_README: Final = """\
# A prompt of mfpt

    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BACKBONE), FOLDER)
    batch = tokenizer("{prefix}" + text + "\\n", return_tensors="pt")
    completion = tokenizer.decode(model.generate(**batch, do_sample=False)[0], skip_special_tokens=True)

A GGUF file is loaded by the name of its folder, followed by `gguf_file="NAME.gguf"`.
The backbone's fingerprint is {fingerprint}.
"""


class _Adapter(NamedTuple):
    """What an adapter has by the kind of task.

    Attributes:
        task_type: Name of PEFT's task type.
        readme: How it is used, with a field for each fact of the plan.
        inside: What is in the adapter's file beside the prompt, by the names that PEFT gives it.
        beside: Files beside it -> their tensors.
    """

    task_type: str
    readme: str
    inside: Mapping[str, Array]
    beside: Mapping[str, Mapping[str, Array]]


def write_adapter(plan: Plan, state: PromptState, folder: Path, head_name: str = USUAL_HEAD) -> None:
    """Write a prompt as an adapter that `peft.PeftModel.from_pretrained` loads, with its head in or beside it.

    Args:
        plan: What the prompt was made for.
        state: The prompt and its head.
        folder: New or empty folder, or one of an earlier export.
        head_name: Name of the last layer of the backbone's model for token classification in transformers.

    Raises:
        Incompatible: The prompt is not the plan's, or it is a late one and the task is generation.
    """
    check_layout(state, layout(plan))
    adapter = _adapter(plan, state, head_name)
    name = LATE_STATE if plan.prompt.method == "late" else "prompt_embeddings"
    with naming(folder):
        check_name(folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings = json.dumps(_settings(plan, adapter.task_type), indent=2, sort_keys=True)
        (folder / "adapter_config.json").write_text(f"{settings}\n", encoding="utf-8")
        # PEFT, too, keeps of p-tuning only what comes out of the encoder.
        inside = {name: np.ascontiguousarray(virtual_tokens(state)), **adapter.inside}
        save_file(inside, folder / "adapter_model.safetensors")
        for file, tensors in adapter.beside.items():
            save_file(dict(tensors), folder / file)
        (folder / "README.md").write_text(adapter.readme, encoding="utf-8")


def _settings(plan: Plan, task_type: str) -> dict[str, Any]:
    """Return what PEFT has to know of a plan's prompt."""
    prompt, backbone = plan.prompt, plan.backbone
    known = {
        "task_type": task_type,
        "num_virtual_tokens": prompt.tokens,
        "inference_mode": True,
        "base_model_name_or_path": backbone.uri.partition(":")[2],
    }
    if prompt.method == "late":
        return {"peft_type": LATE_METHOD.upper(), "layer": plan.late_layer, **known}
    shape = {
        "token_dim": backbone.width,
        "num_transformer_submodules": 1,
        "num_layers": backbone.layers,
        "num_attention_heads": 1,
    }
    if prompt.method == "p-tuning":
        return {"peft_type": "P_TUNING", "encoder_hidden_size": prompt.encoder_width, **known, **shape}
    return {"peft_type": "PROMPT_TUNING", **known, **shape}


def _adapter(plan: Plan, state: PromptState, head_name: str) -> _Adapter:
    if plan.task.generates:
        return _writing(plan)
    return _tagging(plan, state, head_name) if plan.task.tags_words else _labelling(plan, state)


def _tagging(plan: Plan, state: PromptState, head_name: str) -> _Adapter:
    late = plan.prompt.method == "late"
    readme = _TAGGING_README.format(
        imports=_LATE_IMPORT if late else "",
        prefix=plan.backbone.prefix,
        prefix_length=len(plan.backbone.prefix),
        tokens=plan.prompt.tokens,
        labels=list(plan.task.labels),
        fingerprint=plan.backbone.fingerprint,
    )
    head = f"base_model.{'model.' if late else ''}{head_name}"
    inside = {f"{head}.weight": WORD_SCALE * state["head.weight"], f"{head}.bias": state["head.bias"]}
    return _Adapter("TOKEN_CLS", readme, {name: np.asarray(part, np.float32) for name, part in inside.items()}, {})


def _labelling(plan: Plan, state: PromptState) -> _Adapter:
    readme = _README.format(
        imports=_LATE_IMPORT if plan.prompt.method == "late" else "",
        prefix=plan.backbone.prefix,
        second=", [pair]" if plan.task.kind == "pairs" else "",
        tokens=plan.prompt.tokens,
        norm=POOLED_NORM,
        labels=", ".join(plan.task.labels),
        fingerprint=plan.backbone.fingerprint,
    )
    head = {"weight": state["head.weight"], "bias": state["head.bias"]}
    return _Adapter("FEATURE_EXTRACTION", readme, {}, {_HEAD: head})


def _writing(plan: Plan) -> _Adapter:
    if plan.prompt.method == "late":
        raise Incompatible("PEFT cannot write with a late prompt: only methods 'prompt' and 'p-tuning' are exported")
    readme = _WRITING_README.format(prefix=plan.backbone.prefix, fingerprint=plan.backbone.fingerprint)
    return _Adapter("CAUSAL_LM", readme, {}, {})
