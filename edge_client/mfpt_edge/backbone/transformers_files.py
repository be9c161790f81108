"""Where transformers finds a model, in a folder or a GGUF file: its configuration and its tokenizer.

Both take seconds to read from a GGUF file: they are written to a folder once.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from mfpt_edge.formats.word_pieces import WordPieces, encode_joined
from mfpt_edge.storage.checksums import damage, seal
from mfpt_shared.atomic import atomic_folder
from mfpt_shared.errors import Incompatible
from mfpt_shared.folders import private_folder, tighten

_log = logging.getLogger(__name__)

_TOKENIZER_FILES: Final = ("tokenizer*", "vocab*", "*.model")


class PretrainedTokenizer:
    """The tokenizer beside a transformers model, or in its GGUF file."""

    def __init__(self, source: Path) -> None:
        """Load it.

        Raises:
            Incompatible: The tokenizer is missing, or cannot be read.
        """
        from transformers import AutoTokenizer  # noqa: PLC0415 - the bundled backbone does without

        # Given no files at all, transformers makes up a tokenizer that knows no word.
        if source.is_dir() and not any(found for pattern in _TOKENIZER_FILES for found in source.glob(pattern)):
            raise Incompatible(f"{source} has no tokenizer: save it there with `save_pretrained`")
        try:
            with quiet_transformers():
                self._tokenizer: Any = AutoTokenizer.from_pretrained(**location(source))
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise Incompatible(f"transformers cannot read the tokenizer in {source}: {error}") from error
        self._source = source
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
        """Id that ends what a decoder writes; None if it has no such id."""
        end: int | None = self._tokenizer.eos_token_id
        return end

    def encode(self, texts: Sequence[str], max_tokens: int, pairs: Sequence[str] | None = None) -> list[list[int]]:
        """Return the ids of every text; see `parts.Tokenizer`."""
        if not texts:
            return []
        if pairs is not None and not self._tokenizer.num_special_tokens_to_add(pair=True):
            # A decoder's tokenizer puts nothing between two texts.
            texts, pairs = [f"{one}\n{other}" for one, other in zip(texts, pairs, strict=True)], None
        second = None if pairs is None else list(pairs)
        ids: list[list[int]] = self._tokenizer(list(texts), second, truncation=True, max_length=max_tokens)["input_ids"]
        return ids

    def encode_words(self, sentences: Sequence[Sequence[str]], max_tokens: int, prefix: str) -> list[WordPieces]:
        """Return the tokens of every sentence; see `parts.Tokenizer`.

        Raises:
            Incompatible: The tokenizer cannot say where in a text its tokens are.
        """
        if not self._tokenizer.is_fast:
            raise Incompatible(
                f"the tokenizer of {self._source} does not say which token belongs to which word, as labels of words "
                "need: name a backbone with a tokenizer.json"
            )

        def encodings(texts: list[str]) -> Sequence[Any]:
            found: Sequence[Any] = self._tokenizer(texts, truncation=True, max_length=max_tokens).encodings
            return found

        return encode_joined(encodings, sentences, prefix)

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


def describe_once(source: Path, folder: Path | None) -> Path:
    """Return where configuration and tokenizer of a model are read from.

    Both take seconds to read from a GGUF file: they are written to a folder once.

    Args:
        source: Folder or GGUF file of the model.
        folder: Folder for what a GGUF file says; None: nothing is kept.

    Raises:
        Incompatible: Transformers cannot read them.
    """
    if source.is_dir() or folder is None:
        return source
    if not _is_whole(folder):
        config, tokenizer = read_config(source), PretrainedTokenizer(source)
        try:
            private_folder(folder.parent)
            with atomic_folder(folder) as made:
                config.save_pretrained(str(made))
                tokenizer.save(made)
                seal(made)
                tighten(made)
        except OSError as error:
            _log.warning("the tokenizer cannot be kept in %s, so every start reads %s: %s", folder, source, error)
            return source
    return folder


def _is_whole(folder: Path) -> bool:
    """Tell whether a folder is there and holds what was written; one that is damaged is made again."""
    if not (folder / "config.json").exists():
        return False
    if (found := damage(folder)) is not None:
        _log.warning("%s is made again: %s", folder, found)
    return found is None


def location(source: Path) -> dict[str, Any]:
    """Return where transformers finds a model, as arguments of its loaders; code that comes with it is never run."""
    # Left open, it asks on standard input, and `y` there runs the code.
    known = {"local_files_only": True, "trust_remote_code": False}
    if source.is_dir():
        return {"pretrained_model_name_or_path": str(source), **known}
    return {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name, **known}


def read_config(source: Path) -> Any:  # noqa: ANN401 - transformers is followed without types
    """Return the configuration of a model.

    Raises:
        Incompatible: Transformers does not know it, or it is neither an encoder nor a decoder.
    """
    from transformers import MODEL_MAPPING, AutoConfig  # noqa: PLC0415 - takes seconds

    try:
        config = AutoConfig.from_pretrained(**location(source))
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise Incompatible(f"transformers does not know the model in {source}: {error}") from error
    if config.is_encoder_decoder or type(config) not in MODEL_MAPPING:
        raise Incompatible(f"{source} holds a {config.model_type!r} model: an encoder or a decoder is needed, not both")
    # A name with a slash is code of the hub that computes attention; transformers would fetch and run it.
    if any("/" in str(part._attn_implementation) for part in (config, *_parts(config))):
        raise Incompatible(f"{source} wants code of the hub to be run for its attention: that is never done here")
    config.use_cache = False
    return config


def _parts(config: Any) -> Sequence[Any]:  # noqa: ANN401 - transformers is followed without types
    """Return the configurations within a configuration."""
    return [part for name in config.sub_configs if (part := getattr(config, name, None)) is not None]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from drawing a progress bar, and from reporting the weights that are not used here."""
    from transformers import modeling_gguf_pytorch_utils  # noqa: PLC0415 - takes seconds
    from transformers.utils import logging  # noqa: PLC0415 - takes seconds

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    # The one bar that ignores the setting.
    tqdm = modeling_gguf_pytorch_utils.tqdm
    modeling_gguf_pytorch_utils.tqdm = partial(tqdm, disable=True)
    try:
        yield
    finally:
        modeling_gguf_pytorch_utils.tqdm = tqdm
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
