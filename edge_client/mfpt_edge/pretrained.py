"""Any other text model of transformers, from a folder or a GGUF file: its own code around weights in 4 bits.

The first time, its loader reads the weights, which are then quantised and kept in a file. From then on the model is
built without weights, and those of the file are mapped into it.
"""

import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from mfpt_edge import fourbit
from mfpt_edge.atomic import atomic_folder
from mfpt_edge.tensorfile import TensorFile, write
from mfpt_shared.errors import Incompatible

_log = logging.getLogger(__name__)

_TOKENIZER_FILES: Final = ("tokenizer*", "vocab*", "*.model")


class PretrainedTokenizer:
    """The tokenizer that lies beside a transformers model, or in its GGUF file."""

    def __init__(self, source: Path) -> None:
        """Load it.

        Raises:
            Incompatible: there is none.
        """
        from transformers import AutoTokenizer  # noqa: PLC0415 - the bundled backbone does without

        # Given no files at all, transformers makes up a tokenizer that knows no word.
        if source.is_dir() and not any(found for pattern in _TOKENIZER_FILES for found in source.glob(pattern)):
            raise Incompatible(f"{source} holds no tokenizer: save it there with `save_pretrained`")
        try:
            with _quiet_transformers():
                self._tokenizer: Any = AutoTokenizer.from_pretrained(**_location(source))
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise Incompatible(f"transformers cannot read the tokenizer in {source}: {error}") from error
        pad_id = self._tokenizer.pad_token_id
        # Decoders often name no padding token. Padding is masked, so any id will do.
        self._pad_id = 0 if pad_id is None else int(pad_id)

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""
        return self._pad_id

    def save(self, folder: Path) -> None:
        """Write the tokenizer as a `tokenizer.json`."""
        self._tokenizer.save_pretrained(str(folder))

    @property
    def end_id(self) -> int | None:
        """Id that ends what a decoder writes; None if there is none."""
        end: int | None = self._tokenizer.eos_token_id
        return end

    def encode(self, texts: Sequence[str], max_tokens: int, pairs: Sequence[str] | None = None) -> list[list[int]]:
        """Return the ids of every text; see `backbone.Tokenizer`."""
        if not texts:
            return []
        second = None if pairs is None else list(pairs)
        ids: list[list[int]] = self._tokenizer(list(texts), second, truncation=True, max_length=max_tokens)["input_ids"]
        return ids

    def encode_bare(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of every text without special tokens."""
        if not texts:
            return []
        ids: list[list[int]] = self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text that ids stand for, without special tokens."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text


class Pretrained(nn.Module):
    """A frozen model of transformers, with the methods of `encoder.Encoder`."""

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
        # RoBERTa and its kin count positions from behind the padding id.
        table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
        offset = getattr(table, "padding_idx", None)
        return limit if offset is None else limit - offset - 1

    @property
    def heads(self) -> int:
        """Heads of the attention, of whose scores a layer keeps one for each pair of tokens."""
        model: Any = self.model
        return int(model.config.num_attention_heads)

    def tokens(self, ids: Tensor) -> Tensor:
        """Look tokens up: ids [batch, tokens] become [batch, tokens, width]."""
        found: Tensor = _token_table(self.model)(ids)
        return found

    def encode(self, tokens: Tensor, mask: Tensor, *, unread: int = 0) -> Tensor:
        """Run all layers on looked-up tokens; arguments as of `encoder.Encoder.run`."""
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
            scores = nn.functional.linear(states, table.weight)  # type: ignore[arg-type]
        model: Any = self.model
        cap = getattr(model.config, "final_logit_softcapping", None)  # Gemma 2
        found: Tensor = scores.float()
        return found if cap is None else cap * torch.tanh(found / cap)


def describe_once(source: Path, folder: Path | None) -> Path:
    """Return from where configuration and tokenizer of a model are read.

    Those of a GGUF file take seconds to read: they are written to a folder once.

    Args:
        source: folder, or GGUF file.
        folder: of a GGUF file; None: nothing is kept.

    Raises:
        Incompatible: transformers cannot read them.
    """
    if source.is_dir() or folder is None:
        return source
    if not (folder / "config.json").exists():
        config, tokenizer = _config(source), PretrainedTokenizer(source)
        try:
            with atomic_folder(folder) as made:
                config.save_pretrained(str(made))
                tokenizer.save(made)
        except OSError as error:
            _log.warning("the tokenizer cannot be kept in %s, so every start reads %s: %s", folder, source, error)
            return source
    return folder


def load_pretrained(
    source: Path, described: Path, device: torch.device, file: Path | None, *, quantised: bool, generates: bool = False
) -> Pretrained:
    """Load a model.

    Args:
        source: folder with config.json and weights, or a GGUF file.
        described: see `describe_once`.
        device: where the model will live.
        file: where the conversion to 4 bits is kept, or is to be; None: nowhere.
        quantised: NF4 for linear layers and token table; otherwise float32.
        generates: also load the layer that turns states into tokens, where the token table does not do that too.

    Raises:
        Incompatible: transformers cannot load it, or not all weights are there.
    """
    config = _config(described)
    output = generates and not config.tie_word_embeddings
    if not quantised:
        return _wrapped(_load(source, config, output=output).to(device), output=output)
    dtype = fourbit.compute_dtype(device)
    if file is not None and output:
        file = file.with_stem(f"{file.stem}-output")
    if file is None or not file.exists():
        model = _load(source, config, output=output)
        _quantise(model, dtype)
        try:
            if file is not None:
                write(file, dict(model.state_dict()), {})
        except OSError as error:
            _log.warning("the converted backbone cannot be kept in %s, so every start converts it: %s", file, error)
            file = None
        if file is None:
            return _wrapped(model.to(device), output=output)
        del model  # pages of a file that are not used need not stay in memory
    return _wrapped(_filled(config, TensorFile(file), dtype, output=output).to(device), output=output)


def _wrapped(model: Any, *, output: bool) -> Pretrained:  # noqa: ANN401
    return Pretrained(model.base_model, model.get_output_embeddings()) if output else Pretrained(model)


def _location(source: Path) -> dict[str, Any]:
    """Return where transformers finds a model."""
    if source.is_dir():
        return {"pretrained_model_name_or_path": str(source), "local_files_only": True}
    return {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name, "local_files_only": True}


def _config(source: Path) -> Any:  # noqa: ANN401 - transformers is followed without types
    from transformers import MODEL_MAPPING, AutoConfig  # noqa: PLC0415

    try:
        config = AutoConfig.from_pretrained(**_location(source))
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise Incompatible(f"transformers does not know the model in {source}: {error}") from error
    if config.is_encoder_decoder or type(config) not in MODEL_MAPPING:
        raise Incompatible(f"{source} holds a {config.model_type!r} model: an encoder or a decoder is needed, not both")
    config.use_cache = False
    return config


def _class(*, output: bool) -> Any:  # noqa: ANN401
    from transformers import AutoModel, AutoModelForCausalLM  # noqa: PLC0415

    return AutoModelForCausalLM if output else AutoModel


def _options(config: Any, *, output: bool) -> dict[str, Any]:  # noqa: ANN401
    """Leave out the pooler: nobody reads it, and one that the checkpoint does not hold would be random."""
    from transformers import MODEL_MAPPING  # noqa: PLC0415

    if output:
        return {}
    known = inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters
    return {"add_pooling_layer": False} if "add_pooling_layer" in known else {}


def _load(source: Path, config: Any, *, output: bool) -> nn.Module:  # noqa: ANN401
    """Load a model in 32 bits."""
    options = _options(config, output=output) | _location(source)
    if source.is_dir():
        options["config"] = config
    try:
        with _quiet_transformers():
            model, report = _class(output=output).from_pretrained(
                dtype=torch.float32, output_loading_info=True, **options
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise Incompatible(f"transformers cannot load the backbone in {source}: {error}") from error
    if missing := sorted(report["missing_keys"]):
        raise Incompatible(f"the weights in {source} lack {missing[0]!r} and {len(missing) - 1} others: save them anew")
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


def _filled(config: Any, tensors: Mapping[str, Tensor], dtype: torch.dtype, *, output: bool) -> nn.Module:  # noqa: ANN401
    """Build a model without weights, and give it those of a file."""
    from accelerate import init_empty_weights  # noqa: PLC0415 - comes with peft

    # Buffers are made in earnest: what rotary embeddings compute stands in no file.
    with init_empty_weights(include_buffers=False):
        model: nn.Module = _class(output=output).from_config(config, **_options(config, output=output))
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
    table: nn.Module = model.get_input_embeddings()  # type: ignore[operator]
    return table


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep transformers from drawing a progress bar, and from reporting the weights that nobody here asks for."""
    from transformers import modeling_gguf_pytorch_utils  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    # The one bar that listens to no setting.
    tqdm = modeling_gguf_pytorch_utils.tqdm
    modeling_gguf_pytorch_utils.tqdm = partial(tqdm, disable=True)
    try:
        yield
    finally:
        modeling_gguf_pytorch_utils.tqdm = tqdm
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
