"""Any other text model of transformers, from a folder or a GGUF file: its own code around weights in 4 bits.

The first time, its loader reads the weights, which are then quantised and kept in a file. From then on the model is
built without weights, and those of the file are mapped into it.
"""

import inspect
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mfpt_edge.backbone import fourbit
from mfpt_edge.backbone.tensorfile import TensorFile, opened, write
from mfpt_edge.backbone.transformers_files import location, quiet_transformers, read_config
from mfpt_shared.errors import Incompatible

_log = logging.getLogger(__name__)


class Pretrained(nn.Module):
    """A frozen model of transformers, with the methods of `bert.BertEncoder`."""

    def __init__(self, model: nn.Module, output: nn.Module | None = None) -> None:
        """Wrap a model, and the layer that turns a decoder's states into tokens, unless its token table does that."""
        super().__init__()
        self.model = model
        self.output = output

    @property
    def max_positions(self) -> int:
        """Longest input in tokens."""
        model: Any = self.model
        limit = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 20)
        # RoBERTa and its kin count positions from after the padding id.
        table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
        offset = getattr(table, "padding_idx", None)
        return limit if offset is None else limit - offset - 1

    @property
    def heads(self) -> int:
        """Number of attention heads; a layer keeps one score of each for every pair of tokens."""
        model: Any = self.model
        return int(model.config.num_attention_heads)

    def tokens(self, ids: Tensor) -> Tensor:
        """Look tokens up: ids [batch, tokens] become [batch, tokens, width]."""
        found: Tensor = _token_table(self.model)(ids)
        return found

    def encode(self, tokens: Tensor, mask: Tensor, *, unread: int = 0) -> Tensor:
        """Run all layers on looked-up tokens; arguments as for `bert.BertEncoder.run`."""
        output = self.model(inputs_embeds=tokens, attention_mask=mask.long())
        last: Tensor = output.last_hidden_state
        return last[:, unread:]

    def logits(self, states: Tensor) -> Tensor:
        """Return a decoder's scores of the next token, [n, vocabulary] float32, from last states [n, width]."""
        table = _token_table(self.model)
        if self.output is not None:
            scores = self.output(states)
        elif isinstance(table, fourbit.Embedding4bit):
            scores = fourbit.product(states.to(table.dtype), table.packed)
        else:
            scores = nn.functional.linear(states, table.weight)  # type: ignore[arg-type]  # a plain table has one
        model: Any = self.model
        cap = getattr(model.config, "final_logit_softcapping", None)  # Gemma 2
        found: Tensor = scores.float()
        return found if cap is None else cap * torch.tanh(found / cap)


def load_pretrained(
    source: Path, described: Path, device: torch.device, file: Path | None, *, quantised: bool, generates: bool = False
) -> Pretrained:
    """Load a model.

    Args:
        source: Folder with config.json and weights, or a GGUF file.
        described: See `describe_once`.
        device: Device that the model will be on.
        file: File that keeps, or is to keep, the conversion to 4 bits; None: it is not kept.
        quantised: NF4 for linear layers and token table; otherwise float32.
        generates: Whether to load also the layer that turns states into tokens, unless the token table does that.

    Raises:
        Incompatible: Transformers cannot load it, or not all weights are there.
    """
    config = read_config(described)
    output = generates and not config.tie_word_embeddings
    if not quantised:
        return _wrapped(_load(source, config, output=output).to(device), output=output)
    dtype = fourbit.compute_dtype(device)
    if file is not None and output:
        file = file.with_stem(f"{file.stem}-output")
    tensors = opened(file)
    if tensors is None:
        model = _load(source, config, output=output)
        _quantise(model, dtype)
        try:
            if file is not None:
                write(file, dict(model.state_dict()))
        except OSError as error:
            _log.warning("the converted backbone cannot be kept in %s, so every start converts it: %s", file, error)
            file = None
        if file is None:
            return _wrapped(model.to(device), output=output)
        del model  # pages of a file that are not used need not stay in memory
        tensors = TensorFile(file)
    return _wrapped(_filled(config, tensors, dtype, output=output).to(device), output=output)


def _wrapped(model: Any, *, output: bool) -> Pretrained:  # noqa: ANN401 - transformers has no types
    return Pretrained(model.base_model, model.get_output_embeddings()) if output else Pretrained(model)


def _class(*, output: bool) -> Any:  # noqa: ANN401 - transformers has no types
    from transformers import AutoModel, AutoModelForCausalLM  # noqa: PLC0415 - takes seconds

    return AutoModelForCausalLM if output else AutoModel


def _options(config: Any, *, output: bool) -> dict[str, Any]:  # noqa: ANN401 - transformers has no types
    """Leave out the pooler: it is not read, and one that the checkpoint does not hold would be random."""
    from transformers import MODEL_MAPPING  # noqa: PLC0415 - takes seconds

    if output:
        return {}
    known = inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters
    return {"add_pooling_layer": False} if "add_pooling_layer" in known else {}


def _load(source: Path, config: Any, *, output: bool) -> nn.Module:  # noqa: ANN401 - transformers has no types
    """Load a model in 32 bits."""
    options = _options(config, output=output) | location(source)
    if source.is_dir():
        options["config"] = config
    try:
        with quiet_transformers():
            model, report = _class(output=output).from_pretrained(
                dtype=torch.float32, output_loading_info=True, **options
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise Incompatible(f"transformers cannot load the backbone in {source}: {error}") from error
    if missing := sorted(report["missing_keys"]):
        raise Incompatible(
            f"the weights in {source} lack {missing[0]!r} and {len(missing) - 1} others: save them again"
        )
    model.config.use_cache = False
    loaded: nn.Module = model
    return loaded


def _quantise(model: nn.Module, dtype: torch.dtype) -> None:
    """Put 4-bit layers in place of the linear ones and of the token table, one after the other."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) or module is _token_table(model):
            weight: Any = module.weight
            packed = fourbit.quantise(weight.detach())
            if packed is not None:
                bias = getattr(module, "bias", None)
                bias = None if bias is None else bias.detach()
                model.set_submodule(name, _packed_layer(module, packed, bias, dtype))


def _filled(config: Any, tensors: Mapping[str, Tensor], dtype: torch.dtype, *, output: bool) -> nn.Module:  # noqa: ANN401 - transformers has no types
    """Build a model without weights, and give it those of a file."""
    from accelerate import init_empty_weights  # noqa: PLC0415 - comes with peft

    # Buffers are really made: what rotary embeddings compute is in no file.
    with init_empty_weights(include_buffers=False):
        model: nn.Module = _class(output=output).from_config(
            config, trust_remote_code=False, **_options(config, output=output)
        )
    for name, module in list(model.named_modules()):
        if f"{name}.codes" in tensors:
            packed = fourbit.Packed(tensors[f"{name}.codes"], tensors[f"{name}.scales"], "nf4")
            model.set_submodule(name, _packed_layer(module, packed, tensors.get(f"{name}.bias"), dtype))
    rest = {name: tensor for name, tensor in tensors.items() if not name.endswith((".codes", ".scales"))}
    model.load_state_dict(rest, strict=False, assign=True)
    return model


def _packed_layer(module: nn.Module, packed: fourbit.Packed, bias: Tensor | None, dtype: torch.dtype) -> nn.Module:
    if isinstance(module, nn.Linear):
        return fourbit.Linear4bit(packed, bias, dtype)
    # Gemma's table multiplies what it looks up.
    return fourbit.Embedding4bit(packed, float(getattr(module, "scalar_embed_scale", 1.0)), dtype)


def _token_table(model: nn.Module) -> nn.Module:
    table: nn.Module = model.get_input_embeddings()  # type: ignore[operator]  # every model of transformers has this
    return table
