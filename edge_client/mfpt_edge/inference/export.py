"""Backbones and prompts for other programs: a folder for ONNX Runtime, an adapter for PEFT."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from safetensors.numpy import save_file

from mfpt_edge.formats.bert_shape import family_shape
from mfpt_edge.formats.conventions import POOLED_NORM, WORD_SCALE
from mfpt_edge.inference import graph_folder
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.atomic import naming
from mfpt_shared.backbones.describe import describe, locate, model_config, parse_uri
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import Array, PromptState, check_layout, dense, layout, virtual_tokens

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
    plan, state = model.plan, dense(model.prompt.state)
    check_layout(state, layout(plan))
    adapter = _adapter(plan, state)
    config, name = _peft_config(plan, adapter.task_type)
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        config.save_pretrained(str(folder))
        # PEFT, too, keeps of p-tuning only what comes out of the encoder.
        inside = {name: np.ascontiguousarray(virtual_tokens(state)), **adapter.inside}
        save_file(inside, folder / "adapter_model.safetensors")
        for file, tensors in adapter.beside.items():
            save_file(dict(tensors), folder / file)
        (folder / "README.md").write_text(adapter.readme, encoding="utf-8")


def _adapter(plan: Plan, state: PromptState) -> _Adapter:
    if plan.task.generates:
        return _writing(plan)
    return _tagging(plan, state) if plan.task.tags_words else _labelling(plan, state)


def _tagging(plan: Plan, state: PromptState) -> _Adapter:
    late = plan.prompt.method == "late"
    readme = _TAGGING_README.format(
        imports=_LATE_IMPORT if late else "",
        prefix=plan.backbone.prefix,
        prefix_length=len(plan.backbone.prefix),
        tokens=plan.prompt.tokens,
        labels=list(plan.task.labels),
        fingerprint=plan.backbone.fingerprint,
    )
    head = f"base_model.{'model.' if late else ''}{_head_name(plan)}"
    inside = {f"{head}.weight": WORD_SCALE * state["head.weight"], f"{head}.bias": state["head.bias"]}
    return _Adapter("TOKEN_CLS", readme, {name: np.asarray(part, np.float32) for name, part in inside.items()}, {})


def _head_name(plan: Plan) -> str:
    """Return what transformers calls the linear layer of a backbone's model for token classification.

    Raises:
        Incompatible: There is no such model, or more than dropout between its states and that layer.
    """
    if graph_folder.is_bundled(plan):
        return "classifier"
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


def _peft_config(plan: Plan, task_type: str) -> tuple[Any, str]:
    """Return what PEFT has to know of a plan's prompt, and its name for the virtual tokens."""
    from peft import PromptEncoderConfig, PromptTuningConfig, TaskType  # noqa: PLC0415 - takes seconds

    prompt, backbone = plan.prompt, plan.backbone
    known = {
        "task_type": TaskType[task_type],
        "num_virtual_tokens": prompt.tokens,
        "inference_mode": True,
        "base_model_name_or_path": backbone.uri.partition(":")[2],
    }
    if prompt.method == "late":
        from mfpt_edge.peft_late import STATE_KEY, LateConfig  # noqa: PLC0415 - takes PEFT

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
