"""Any text model of transformers, from a folder: its own loader, then a token table in 4 bits, and the tokenizer."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from mfpt_edge import fourbit
from mfpt_shared.errors import Incompatible

_TOKENIZER_FILES: Final = ("tokenizer*", "vocab*", "*.model")


class PretrainedTokenizer:
    """The tokenizer that lies beside a transformers model."""

    def __init__(self, folder: Path) -> None:
        """Load it.

        Raises:
            Incompatible: the folder holds none.
        """
        from transformers import AutoTokenizer  # noqa: PLC0415 - the bundled backbone does without

        # Given no files at all, transformers makes up a tokenizer that knows no word.
        if not any(found for pattern in _TOKENIZER_FILES for found in folder.glob(pattern)):
            raise Incompatible(f"{folder} holds no tokenizer: save it there with `save_pretrained`")
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise Incompatible(f"transformers cannot read the tokenizer in {folder}: {error}") from error
        pad_id = self._tokenizer.pad_token_id
        # Decoders often name no padding token. Padding is masked, so any id will do.
        self._pad_id = 0 if pad_id is None else int(pad_id)

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""
        return self._pad_id

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Return the ids of every text; see `backbone.Tokenizer`."""
        if not texts:
            return []
        ids: list[list[int]] = self._tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
        return ids


def pretrained_encoder(folder: Path, device: torch.device, *, quantised: bool) -> nn.Module:
    """Load a model; the loader of transformers quantises the linear layers one by one.

    Args:
        folder: config.json and weights.
        device: where the encoder will live.
        quantised: NF4 for linear layers and token table; otherwise float32.

    Raises:
        Incompatible: transformers cannot load it, or not all weights are there.
    """
    from transformers import MODEL_MAPPING, AutoConfig, AutoModel, BitsAndBytesConfig  # noqa: PLC0415

    try:
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise Incompatible(f"transformers does not know the model in {folder}: {error}") from error
    if config.is_encoder_decoder or type(config) not in MODEL_MAPPING:
        raise Incompatible(f"{folder} holds a {config.model_type!r} model: an encoder or a decoder is needed, not both")
    options: dict[str, Any] = {"dtype": torch.float32, "local_files_only": True, "device_map": {"": str(device)}}
    # Nobody reads the pooler, and one that the checkpoint does not hold would be random and not quantisable.
    if "add_pooling_layer" in inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters:
        options["add_pooling_layer"] = False
    if quantised:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=fourbit.compute_dtype(device),
        )
    try:
        with _quiet_transformers():
            encoder, report = AutoModel.from_pretrained(str(folder), output_loading_info=True, **options)
    except (OSError, ValueError, KeyError) as error:
        raise Incompatible(f"transformers cannot load the backbone in {folder}: {error}") from error
    if missing := sorted(report["missing_keys"]):
        raise Incompatible(f"the weights in {folder} lack {missing[0]!r} and {len(missing) - 1} others: save them anew")
    if quantised:
        for module in encoder.modules():
            if isinstance(module, fourbit.bitsandbytes.nn.Linear4bit):
                fourbit.keep_differentiable(module)
        encoder.set_input_embeddings(fourbit.quantise_table(encoder.get_input_embeddings()))
    model: nn.Module = encoder
    return model


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep transformers from drawing a progress bar, and from reporting the weights that nobody here asks for."""
    from transformers.utils import logging  # noqa: PLC0415

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
